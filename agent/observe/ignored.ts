/** Variables that manifests for Harness' delegate set, and that mean nothing here. */
const names = [
  'CLIENT_TOOLS_DOWNLOAD_DISABLED',
  'DELEGATE_GROUP_ID',
  'DELEGATE_SESSION_IDENTIFIER',
  'DEPLOY_MODE',
  'ENABLE_CE',
  'GRPC_AUTHORITY_MODIFICATION_DISABLED',
  'GRPC_SERVICE_CONNECTOR_PORT',
  'GRPC_SERVICE_ENABLED',
  'JAVA_OPTS',
  'LOG_STREAMING_SERVICE_URL',
  'NEXT_GEN',
  'STACK_DRIVER_LOGGING_ENABLED',
  'TI_SERVICE_URL',
  'UPGRADER_TOKEN',
  'ZTS_ENFORCE',
  'ZTS_RETRY_COUNT',
  'ZTS_TIMEOUT_SECONDS',
  'ZTS_URL',
];

/** The names of those that are set; their values are nobody's business, as some are credentials. */
export const ignoredVariables = (env: NodeJS.ProcessEnv) => names.filter(name => env[name]);
