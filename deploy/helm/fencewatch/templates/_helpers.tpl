{{- define "fencewatch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "fencewatch.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "fencewatch.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "fencewatch.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "fencewatch.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "fencewatch.selectorLabels" -}}
app.kubernetes.io/name: {{ include "fencewatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "fencewatch.labels" -}}
{{ include "fencewatch.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: metrics
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "fencewatch.metadata" -}}
name: {{ include "fencewatch.fullname" . }}
namespace: {{ include "fencewatch.namespace" . }}
labels:
  {{- include "fencewatch.labels" . | nindent 2 }}
{{- end -}}

{{- define "fencewatch.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "fencewatch.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "fencewatch.image" -}}
{{- with .Values.image -}}
{{- $registry := default .registry $.Values.global.imageRegistry -}}
{{- if $registry }}{{ $registry }}/{{ end }}{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* The security contexts of the two profiles; deploy/kubernetes says why each is as it is. */}}
{{- define "fencewatch.podSecurityContext" -}}
{{- if .Values.podSecurityContext -}}
{{- toYaml .Values.podSecurityContext -}}
{{- else if eq .Values.profile "full" -}}
runAsUser: 0
runAsGroup: 0
seccompProfile:
  type: RuntimeDefault
{{- else -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}
{{- end -}}

{{- define "fencewatch.containerSecurityContext" -}}
{{- if .Values.containerSecurityContext -}}
{{- toYaml .Values.containerSecurityContext -}}
{{- else -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  {{- if eq .Values.profile "full" }}
  add: [IPC_LOCK, SYS_NICE]
  {{- end }}
{{- end -}}
{{- end -}}

{{/* What the full profile mounts of the host: name, path there, type, path here, writable. */}}
{{- define "fencewatch.hostPaths" -}}
- {name: proc, path: /proc, type: Directory, at: /host/proc}
- {name: sys, path: /sys, type: Directory, at: /host/sys}
- {name: log, path: /var/log, type: Directory, at: /host/root/var/log}
- {name: run-log, path: /run/log, type: DirectoryOrCreate, at: /host/root/run/log}
- {name: machine-id, path: /etc/machine-id, type: File, at: /host/root/etc/machine-id}
- {name: localtime, path: /etc/localtime, type: File, at: /host/root/etc/localtime}
- {name: corosync, path: /etc/corosync, type: DirectoryOrCreate, at: /host/root/etc/corosync}
- {name: shm, path: /dev/shm, type: Directory, at: /dev/shm, writable: true}
{{- end -}}
