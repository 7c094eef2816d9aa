{{/*
One operator a cluster, in a namespace of this name: the operator never touches its own namespace
and that of its accounts, and knows them by name.
*/}}
{{- define "pingzhan.namespace" -}}
{{- if ne .Release.Namespace "pingzhan-system" -}}
{{- fail (printf "install into the namespace pingzhan-system, not %s: helm install pingzhan … --namespace pingzhan-system --create-namespace" .Release.Namespace) -}}
{{- end -}}
pingzhan-system
{{- end -}}

{{/*
The name that the API server knows the operator by: policies let it, and nobody else, write status,
finalizers and records.
*/}}
{{- define "pingzhan.userName" -}}
{{- .Values.operator.userName | default (printf "system:serviceaccount:%s:pingzhan" (include "pingzhan.namespace" .)) -}}
{{- end -}}

{{- define "pingzhan.selector" -}}
app.kubernetes.io/name: pingzhan
app.kubernetes.io/component: operator
{{- end -}}

{{- define "pingzhan.labels" -}}
app.kubernetes.io/name: pingzhan
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/*
How accounts are taken on: as the cluster knows it, unless it is said.
*/}}
{{- define "pingzhan.impersonation" -}}
{{- $mode := .Values.impersonation.mode -}}
{{- if eq $mode "auto" -}}
{{- $mode = ternary "constrained" "classic" (semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- $mode -}}
{{- end -}}

{{- define "pingzhan.image" -}}
{{- $image := printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- with .Values.image.digest }}{{ $image = printf "%s@%s" $image . }}{{ end -}}
{{- $image -}}
{{- end -}}

{{/* Labels of the emergency page's objects. */}}
{{- define "pingzhan.pageLabels" -}}
app.kubernetes.io/name: emergency-page
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}
