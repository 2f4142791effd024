import type { Dashboard, AnnotationQuery } from '@grafana/schema';

// As a type is written in JSON: an enumeration is one of its strings.
type Json<T> = 0 extends 1 & T ? T
  : T extends string ? `${T}`
  : T extends readonly (infer Item)[] ? Json<Item>[]
  : T extends object ? { [Key in keyof T]: Json<T[Key]> }
  : T;

// The fields of Prometheus' own annotations, of which the schema does not know (grafana-prometheus, annotations.ts). `expr` and `step` have moved into
// `target`, but Grafana 9 looks for them here, and later ones move them.
interface PrometheusAnnotation { expr: string; step: string; titleFormat: string; useValueForTime: boolean }

export type DashboardJson = Json<Partial<Omit<Dashboard, 'annotations'>>> & { annotations?: { list?: Json<AnnotationQuery & PrometheusAnnotation>[] } };
