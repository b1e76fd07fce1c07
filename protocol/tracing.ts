/**
 * Traces, as both sides make them: one from a caller's request to the script on a delegate. Without an address to send
 * them to nothing of OpenTelemetry is loaded, and a span is a constant that does nothing.
 */
import type { Attributes, Span as SdkSpan, Tracer } from '@opentelemetry/api';

/** Of the W3C's Trace Context: version, trace, parent and flags. */
export const traceparentPattern = '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$';

export interface Span {
  /** What a peer needs to go on with the trace; undefined: there is none. */
  readonly traceparent: string | undefined;
  /** A part of it. Attributes hold references, outcomes and numbers; never a value, an input or a program. */
  part(name: string, attributes?: Attributes): Span;
  set(attributes: Attributes): void;
  /** `failure`: a reason out of a list; left out: all went well. Only the first call counts. */
  end(failure?: string): void;
}

export interface Tracing {
  /** `parent`: the `traceparent` of whoever asked; one that is malformed counts as none. */
  start(name: string, parent: string | undefined, attributes?: Attributes): Span;
  /** Sends what has not been sent. */
  close(): Promise<void>;
}

export const noSpan: Span = { traceparent: undefined, part: () => noSpan, set() {}, end() {} };
export const noTracing: Tracing = { start: () => noSpan, close: async () => {} };

/** Is there somebody to send traces to? As OpenTelemetry's own variables say. */
export function isTracing(env: NodeJS.ProcessEnv): boolean {
  const address = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?.trim() || env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim();
  const isOff = env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none';
  return Boolean(address) && !isOff;
}

/** Loads OpenTelemetry where it is asked for. It reads its other variables (headers, sampler, service name) itself. */
export async function startTracing(
  env: NodeJS.ProcessEnv,
  service: { readonly name: string; readonly version: string },
): Promise<Tracing> {
  if (!isTracing(env)) return noTracing;
  const api = await import('@opentelemetry/api');
  const sdk = await import('@opentelemetry/sdk-trace-base');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  const { detectResources, envDetector, resourceFromAttributes } = await import('@opentelemetry/resources');
  const ours = { 'service.name': service.name, 'service.version': service.version };
  // A collector that is away shall not keep a process from ending in time.
  const patience = env.OTEL_EXPORTER_OTLP_TIMEOUT ? {} : { timeoutMillis: 5_000 };
  const provider = new sdk.BasicTracerProvider({
    // What the environment says is stronger.
    resource: resourceFromAttributes(ours).merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter(patience))],
  });
  const tracer = provider.getTracer('legate', service.version);
  return {
    start(name, parent, attributes = {}) {
      const remote = parent === undefined ? undefined : contextOf(parent);
      const context = remote ? api.trace.setSpanContext(api.ROOT_CONTEXT, remote) : api.ROOT_CONTEXT;
      return spanOf(api, tracer, tracer.startSpan(name, { attributes }, context));
    },
    // Whoever does not answer keeps nobody from ending.
    close: () => provider.shutdown().catch(() => {}),
  };
}

function spanOf(api: typeof import('@opentelemetry/api'), tracer: Tracer, span: SdkSpan): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  let ended = false;
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    part(name, attributes = {}) {
      const context = api.trace.setSpan(api.ROOT_CONTEXT, span);
      return spanOf(api, tracer, tracer.startSpan(name, { attributes }, context));
    },
    set: attributes => void span.setAttributes(attributes),
    end(failure) {
      if (ended) return;
      ended = true;
      if (failure !== undefined) span.setStatus({ code: api.SpanStatusCode.ERROR, message: failure });
      span.end();
    },
  };
}

function contextOf(traceparent: string) {
  if (!new RegExp(traceparentPattern).test(traceparent)) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-');
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}
