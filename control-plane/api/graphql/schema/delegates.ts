/** FirstGen's schema: templates and delegates. */
export const delegateTypes = /* GraphQL */ `
extend type Query {
  delegateList(filters: [DelegateFilter], limit: Int, offset: Int): DelegateList
  delegateScopeList(filters: [DelegateScopeFilter], limit: Int, offset: Int): DelegateScopeList
}

extend type Mutation {
  "A mutation for compatibility: it changes nothing."
  templateList(input: TemplateListInput!): TemplateListPayload
  delegateApproveReject(input: DelegateApproveRejectInput!): DelegateApproveRejectPayload
  deleteDelegate(input: DeleteDelegateInput!): DeleteDelegatePayload
  "The spelling is the contract's."
  addDelegegateScope(input: AddDelegateScopeInput!): AddDelegateScopePayload
  attachScopeToDelegate(input: AttachScopeToDelegateInput!): AttachScopeToDelegatePayload
  attachAllScopesToDelegate(input: AttachAllScopesToDelegateInput!): AttachScopeToDelegatePayload
}

input TemplateListInput {
  limit: String
  offset: String
  accountId: String!
  clientMutationId: String
}
type TemplateListPayload {
  clientMutationId: String
  nodes: [Template]
}
type Template {
  name: String
  type: TemplateType
  uuid: String
  version: Long
  folderId: String
  folderPathId: String
  galleryId: String
}
enum TemplateType {
  HTTP
  SSH
  SERVICE_COMMAND
  SHELL_SCRIPT
  CF_COMMAND
  ARTIFACT_SOURCE
  DEPLOYMENT_TEMPLATE
}

type DelegateList {
  pageInfo: PageInfo
  nodes: [Delegate]
}
type DelegateScopeList {
  pageInfo: PageInfo
  nodes: [DelegateScope]
}

type DelegateApproveRejectPayload {
  clientMutationId: String
  delegate: Delegate
}
type DeleteDelegatePayload {
  clientMutationId: String
  message: String
}
type AddDelegateScopePayload {
  clientMutationId: String
  message: String
  delegateScope: DelegateScope
}
type AttachScopeToDelegatePayload {
  clientMutationId: String
  message: String
}

input DelegateFilter {
  accountId: String!
  delegateType: DelegateType
  delegateStatus: DelegateStatus
  delegateName: String
}
input DelegateScopeFilter {
  accountId: String!
  scopeName: String
}

type Delegate {
  uuid: String
  accountId: String
  delegateType: String
  delegateName: String
  hostName: String
  description: String
  ip: String
  "The spelling is the contract's."
  polllingModeEnabled: Boolean
  status: String
  lastHeartBeat: Long @deprecated(reason: "Use lastHeartbeat.")
  lastHeartbeat: DateTime
  version: String
  delegateProfileId: String
  connections: [DelegateConnection]
  includeScopes: [DelegateScope]
  excludeScopes: [DelegateScope]
  tags: [String]
  supportedTasks: [String]
  disconnected: Boolean
}
type DelegateConnection {
  disconnected: Boolean
  version: String
}
type DelegateScope {
  name: String
  uuid: String @deprecated(reason: "Use name.")
  taskTypes: [TaskGroup]
  environmentTypes: [EnvironmentType]
  applications: [String]
  environments: [String]
  services: [String]
  infrastructureDefinitions: [String]
}

input DelegateApproveRejectInput {
  clientMutationId: String
  delegateId: String!
  accountId: String!
  delegateApproval: DelegateApproval!
}
input DeleteDelegateInput {
  clientMutationId: String
  accountId: String!
  delegateId: String!
}
input AddDelegateScopeInput {
  clientMutationId: String
  accountId: String!
  name: String!
  environmentTypes: [EnvironmentType]
  taskGroup: TaskGroup
  application: IdFilter
  service: IdFilter
  environment: IdFilter
  infrastructureDefinition: IdFilter
}
input AttachScopeToDelegateInput {
  clientMutationId: String
  accountId: String!
  delegateId: String!
  includeScopes: IdFilter
  excludeScopes: IdFilter
}
input AttachAllScopesToDelegateInput {
  clientMutationId: String
  accountId: String!
  delegateId: String!
}

enum DelegateStatus { ENABLED WAITING_FOR_APPROVAL DELETED }
enum DelegateType { SHELL_SCRIPT DOCKER KUBERNETES HELM_DELEGATE ECS }
enum DelegateApproval { ACTIVATE REJECT }
enum EnvironmentType { PROD NON_PROD }
enum TaskGroup {
  SCRIPT HTTP SPLUNK APPDYNAMICS INSTANA NEWRELIC STACKDRIVER DYNA_TRACE PROMETHEUS CLOUD_WATCH JENKINS COMMAND
  BAMBOO DOCKER ECR GCR GCS GCB GCP ACR NEXUS S3 AZURE_ARTIFACTS AZURE_VMSS AZURE_APP_SERVICE AZURE_ARM ELK LOGZ
  SUMO ARTIFACTORY HOST_VALIDATION KMS GIT CONTAINER AMI HELM COLLABORATION_PROVIDER PCF SPOTINST APM LOG
  CLOUD_FORMATION TERRAFORM TERRAGRUNT AWS LDAP K8S SMB SFTP TRIGGER JIRA CONNECTIVITY_VALIDATION BUILD_SOURCE
  CUSTOM SHELL_SCRIPT_PROVISION SERVICENOW HELM_REPO_CONFIG_VALIDATION HELM_VALUES_FETCH_TASK GUARD_24x7 CI SLACK
  ARTIFACT_COLLECT_NG K8S_NG CAPABILITY_VALIDATION JIRA_NG CVNG NOTIFICATION HTTP_NG SHELL_SCRIPT_NG GIT_NG
  BATCH_CAPABILITY_CHECK CUSTOM_MANIFEST_VALUES_FETCH_TASK CUSTOM_MANIFEST_FETCH_TASK TERRAFORM_NG CE
}
`;
