{{- define "voxdemo.labels" -}}
app.kubernetes.io/name: voxdemo
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "voxdemo.env" -}}
envFrom:
  - secretRef:
      name: {{ .root.Values.secret }}
env:
  - {name: VOXDEMO_LINE_URL, value: "http://{{ .root.Release.Name }}-{{ .root.Values.ray.enabled | ternary "ray-serve-svc:8000" "line:7860" }}"}
  - {name: VOXDEMO_HOST, value: "0.0.0.0"}
  {{- range $name, $value := .settings }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
  {{- range $name, $value := .root.Values.settings }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
{{- end }}

{{- define "voxdemo.probes" -}}
startupProbe:
  httpGet: {path: /health, port: http}
  periodSeconds: 2
  failureThreshold: 150
livenessProbe:
  httpGet: {path: /health, port: http}
  periodSeconds: 10
  timeoutSeconds: 8
{{- end }}

{{- define "voxdemo.confined" -}}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "voxdemo.user" -}}
# Else Kubernetes gives each pod VOXDEMO_PORT=tcp://… and more for the Services of a release "voxdemo", which are no
# settings of ours.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "voxdemo.nobody" -}}
{{ include "voxdemo.user" . }}
automountServiceAccountToken: false
{{- end }}

{{- define "voxdemo.volume" -}}
{{- if .claim -}}
persistentVolumeClaim: {claimName: {{ .claim }}}
{{- else -}}
emptyDir: {sizeLimit: {{ .size }}}
{{- end }}
{{- end }}

{{- define "voxdemo.apart" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "voxdemo.labels" . | nindent 8 }}
{{- end }}
