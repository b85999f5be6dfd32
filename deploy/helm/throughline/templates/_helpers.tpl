{{- define "throughline.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "throughline.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "throughline.labels" -}}
{{ include "throughline.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* The image of a component: portal-web is the second process of portal's image. */}}
{{- define "throughline.image" -}}
{{- printf "%s/%s:%s" .root.Values.image.registry (trimSuffix "-web" .component) (default .root.Chart.AppVersion .root.Values.image.tag) -}}
{{- end -}}

{{- define "throughline.storesSecret" -}}
{{- if .Values.dev.stores -}}
{{- printf "%s-dev-stores" (include "throughline.fullname" .) -}}
{{- else -}}
{{- .Values.stores.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "throughline.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "throughline.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
