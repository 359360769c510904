// Scans the image that a build made. Of a shared library whose root is the folder above:
//
//   @Library('plimsoll') _
//   pipeline {
//     agent any
//     stages {
//       stage('Scan') {
//         steps {
//           plimsollScan image: "registry.example.com/team/app:${env.BUILD_NUMBER}",
//                        server: 'https://plimsoll.example.com:7467',
//                        credentialsId: 'plimsoll-report'
//         }
//       }
//     }
//     post { always { recordIssues tool: sarif(pattern: 'plimsoll.sarif') } }
//   }
//
// `image` is what to scan; `name` is repository and tag in the server's lists, `failOn` the line at which the build fails,
// `format` and `output` are those of the report. `credentialsId` names a secret text with the server's token for reports.
def call(Map settings = [:]) {
    if (!settings.image) {
        error 'plimsollScan: `image` is missing'
    }
    if (settings.server && !settings.credentialsId) {
        error 'plimsollScan: `server` wants `credentialsId`, a secret text with its token for reports'
    }
    // Settings reach the script as variables: what they hold is never read as its text.
    def variables = [
        "SCAN_IMAGE=${settings.image}",
        "SCAN_NAME=${settings.name ?: ''}",
        "SCAN_SERVER=${settings.server ?: ''}",
        "SCAN_FAIL_ON=${settings.failOn ?: ''}",
        "SCAN_FORMAT=${settings.format ?: 'sarif'}",
        "SCAN_OUTPUT=${settings.output ?: 'plimsoll.sarif'}",
    ]
    def script = libraryResource('plimsoll/scan.sh')
    withEnv(variables) {
        if (settings.credentialsId) {
            withCredentials([string(credentialsId: settings.credentialsId, variable: 'PLIMSOLL_REPORT_TOKEN')]) {
                sh label: 'Plimsoll', script: script
            }
        } else {
            sh label: 'Plimsoll', script: script
        }
    }
}
