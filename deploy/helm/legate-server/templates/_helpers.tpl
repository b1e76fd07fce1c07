{{- define "legate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for what Kubernetes appends to names. */}}
{{- define "legate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "legate.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "legate.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "legate.selector" -}}
app.kubernetes.io/name: {{ include "legate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "legate.metadata" -}}
name: {{ include "legate.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "legate.selector" . | nindent 2 }}
  app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
  app.kubernetes.io/managed-by: {{ .Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
  {{- with .Values.commonLabels }}{{ toYaml . | nindent 2 }}{{ end }}
{{- with .Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "legate.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "legate.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "legate.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* What is wrong with the values, in words, where a schema can't say it. */}}
{{- define "legate.check" -}}
{{- if and .Values.database.existingSecret (not .Values.keyRing.existingSecret) -}}
{{- fail "keyRing.existingSecret is required with database.existingSecret: a ring in the pod's own folder would be lost with the pod, and with it every value" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host is required with ingress.enabled" -}}
{{- end -}}
{{- end -}}
