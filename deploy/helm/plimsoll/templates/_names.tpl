{{/* What everything is called. */}}
{{- define "plimsoll.name" -}}
{{- if contains "plimsoll" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-plimsoll" (.Release.Name | trunc 40 | trimSuffix "-") }}{{ end -}}
{{- end }}

{{/* Labels by which the pods of a component are chosen: (list $ "serve"). */}}
{{- define "plimsoll.selector" -}}
app.kubernetes.io/name: plimsoll
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "plimsoll.labels" -}}
{{ include "plimsoll.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version }}
{{- end }}

{{- define "plimsoll.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Where the store is; the password is a file. */}}
{{- define "plimsoll.storeEnvironment" -}}
- name: PLIMSOLL_STORE
  valueFrom:
    secretKeyRef:
      name: {{ .Values.store.existingSecret }}
      key: url
- name: PLIMSOLL_STORE_PASSWORD_FILE
  value: /run/store/password
- name: PLIMSOLL_LOG_FORMAT
  value: json
{{- end }}

{{- define "plimsoll.probes" -}}
readinessProbe:
  httpGet:
    path: /readyz
    port: probes
  periodSeconds: 5
livenessProbe:
  httpGet:
    path: /livez
    port: probes
  periodSeconds: 10
  failureThreshold: 6
{{- end }}

{{- define "plimsoll.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "plimsoll.pod" -}}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "plimsoll.certificateSecret" -}}
{{- if eq .Values.admission.certificate.mode "existing" -}}
{{ required "admission.certificate.existingSecret names the Secret with tls.crt and tls.key" .Values.admission.certificate.existingSecret }}
{{- else -}}
{{ include "plimsoll.name" . }}-admission
{{- end -}}
{{- end }}
