/** Metrics in Prometheus' text format, taken apart. */

export interface Metric {
  readonly type: string;
  readonly help: string;
  /** The names of the labels of its series, without those that make a histogram. */
  readonly labels: Set<string>;
  /** By the series as it stands there, with labels. */
  readonly values: Map<string, number>;
}

export function parseMetrics(text: string): Map<string, Metric> {
  const metrics = new Map<string, Metric>();
  for (const line of text.split('\n')) {
    const help = /^# HELP (\S+) (.*)$/.exec(line);
    if (help)
      metrics.set(help[1] ?? '', { type: '', help: help[2] ?? '', labels: new Set(), values: new Map() });
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    const known = type && metrics.get(type[1] ?? '');
    if (type && known) metrics.set(type[1] ?? '', { ...known, type: type[2] ?? '' });
    const sample = /^([a-z_][a-zA-Z0-9_]*)(\{[^}]*\})? (\S+)$/.exec(line);
    if (!sample) continue;
    const [, name = '', labels = '', value] = sample;
    const metric = metrics.get(name) ?? metrics.get(name.replace(/_(bucket|sum|count)$/, ''));
    if (!metric) throw new Error(`${name} has no HELP`);
    for (const [, label = ''] of labels.matchAll(/([a-z_]+)="/g))
      if (label !== 'le') metric.labels.add(label);
    metric.values.set(name + labels, Number(value));
  }
  return metrics;
}

/** The sum of all series of a metric, or of a histogram's counts, that have these labels. */
export function total(
  metrics: ReadonlyMap<string, Metric>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const metric = metrics.get(name) ?? metrics.get(name.replace(/_(sum|count)$/, ''));
  if (!metric) throw new Error(`there is no ${name}`);
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return [...metric.values]
    .filter(
      ([series]) =>
        (series === name || series.startsWith(`${name}{`)) && wanted.every(part => series.includes(part)),
    )
    .reduce((sum, [, value]) => sum + value, 0);
}

export async function scrape(url: string): Promise<Map<string, Metric>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return parseMetrics(await response.text());
}
