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
{{- if not .Values.managerEndpoint -}}
{{- fail "managerEndpoint is required: the address of the control plane, as in https://legate.example" -}}
{{- end -}}
{{- if not (or .Values.existingDelegateToken .Values.delegateToken .Values.serviceAccountToken.audience) -}}
{{- fail "existingDelegateToken (a Secret with the delegate token) or delegateToken is required, or serviceAccountToken.audience" -}}
{{- end -}}
{{- if and .Values.serviceAccountToken.audience (or .Values.existingDelegateToken .Values.delegateToken) -}}
{{- fail "serviceAccountToken.audience takes the place of existingDelegateToken and delegateToken: leave one of them out" -}}
{{- end -}}
{{- if le (int .Values.terminationGracePeriodSeconds) (int .Values.drainTimeoutSeconds) -}}
{{- fail "terminationGracePeriodSeconds must be longer than drainTimeoutSeconds, or tasks are killed unreported" -}}
{{- end -}}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.maxReplicas must be at least autoscaling.minReplicas" -}}
{{- end -}}
{{- end -}}

{{- define "legate.tokenSecret" -}}
{{- .Values.existingDelegateToken | default (printf "%s-token" (include "legate.fullname" .)) -}}
{{- end -}}

{{- define "legate.replicas" -}}
{{- if .Values.autoscaling.enabled }}{{ int .Values.autoscaling.minReplicas }}{{ else }}{{ int .Values.replicas }}{{ end -}}
{{- end -}}
