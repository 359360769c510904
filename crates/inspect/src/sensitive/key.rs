//! Table: the keys under which sensitive files are counted.
//!
//! In: a key. Out: its class, its usual level and its name for people. Source: `SensitiveFileKey` of the wire contract, which
//! names these 112; `docs/semantics.md`, "Sensitive files". Odd: keys are the contract's, with its letter case, and are wide:
//! which of our rules found something stands beside the key.

use plimsoll_model::Level::{self, High, Low, Medium};

/// The class of a key: the contract's word, and what to do about what is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretClass {
    /// Configuration of an application that holds a password.
    Config,
    /// Certificates and private keys.
    CertKey,
    /// Tokens and passwords of services.
    Credential,
    /// Keys of cloud accounts.
    Password,
}

impl SecretClass {
    /// As the API says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::CertKey => "cert_key",
            Self::Credential => "credential",
            Self::Password => "password",
        }
    }

    /// What ends a finding of the class.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Config => {
                "change the password, keep it out of the image and mount the configuration when the container starts"
            }
            Self::CertKey => {
                "replace the key, revoke its certificates, and mount the new one when the container starts; deleting it in a later step leaves it in its layer"
            }
            Self::Credential => {
                "revoke it at its service, make another, and supply that one when the container starts or by the builder's secret mounts"
            }
            Self::Password => {
                "disable the key in the cloud account and use a role of the machine or workload in its place"
            }
        }
    }
}

/// One of the keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SecretKey {
    /// The contract's key.
    pub id: &'static str,
    /// Its class.
    pub class: SecretClass,
    /// How bad a find is, if its rule does not say otherwise.
    pub level: Level,
    /// For people.
    pub name: &'static str,
}

/// The key of that id.
#[must_use]
pub fn secret_key(id: &str) -> Option<&'static SecretKey> {
    KEYS.iter().find(|key| key.id == id)
}

const fn config(id: &'static str, level: Level, name: &'static str) -> SecretKey {
    SecretKey { id, class: SecretClass::Config, level, name }
}

const fn certificate(id: &'static str, level: Level, name: &'static str) -> SecretKey {
    SecretKey { id, class: SecretClass::CertKey, level, name }
}

const fn credential(id: &'static str, level: Level, name: &'static str) -> SecretKey {
    SecretKey { id, class: SecretClass::Credential, level, name }
}

const fn cloud(id: &'static str, name: &'static str) -> SecretKey {
    SecretKey { id, class: SecretClass::Password, level: High, name }
}

/// All keys, by class.
pub const KEYS: &[SecretKey] = &[
    // Certificates and private keys.
    certificate("rsa_private_key", High, "RSA private key"),
    certificate("ec_private_key", High, "EC private key"),
    certificate("dsa_private_key", High, "DSA private key"),
    certificate("openssh_private_key", High, "OpenSSH private key"),
    certificate("pgp_private_key", High, "PGP private key"),
    certificate("common_private_key", High, "Private key (PKCS #8)"),
    certificate("pem", Low, "Certificate in PEM form"),
    certificate("ssh_private_key", High, "SSH private key file"),
    certificate("github_ssh_key", High, "SSH key for GitHub"),
    certificate("puttygen_private_key", High, "PuTTY private key"),
    certificate("pkcs_private_key", Medium, "PKCS #12 key store"),
    certificate("pkcs_cred", Medium, "PKCS #12 credentials"),
    certificate("java_keystore", Medium, "Java key store"),
    certificate("pgp", Low, "PGP keyring or message"),
    certificate("otr_private_key", Medium, "OTR private keys"),
    certificate("macos_keychain", Medium, "macOS keychain"),
    certificate("k8s_client_key", High, "Kubernetes client key"),
    // Cloud accounts.
    cloud("aws_access_key", "AWS access key"),
    cloud("aws_session_token", "AWS session token"),
    cloud("aws_cli", "AWS credentials file"),
    cloud("aws_s3cmd", "s3cmd configuration"),
    cloud("amazon_mws_token", "Amazon MWS token"),
    cloud("tencentcloud_ak", "Tencent Cloud key"),
    cloud("huaweicloud_ak", "Huawei Cloud key"),
    cloud("googlecloud_api_key", "Google Cloud key"),
    cloud("google_oauth_key", "Google OAuth client secret"),
    cloud("google_oauth_token", "Google OAuth token"),
    // Services.
    credential("kubernetes_dashboard_cred", Medium, "Kubernetes secret or dashboard token"),
    credential("docker_registry_cfg", High, "Container registry login"),
    credential("github_personal_token", High, "GitHub personal access token"),
    credential("github_oauth_token", High, "GitHub OAuth token"),
    credential("github_app_token", High, "GitHub app token"),
    credential("github_refresh_token", High, "GitHub refresh token"),
    credential("github_hub", High, "Login of the GitHub command line"),
    credential("gitLab_personal_token", High, "GitLab token"),
    credential("git_cred", High, "Git credentials file"),
    credential("git_cfg", Low, "Git configuration"),
    credential("netrc_cfg", High, "netrc login"),
    credential("npm_token", High, "npm token"),
    credential("pypi_token", High, "PyPI token"),
    credential("rubygem", High, "RubyGems token"),
    credential("rubygems_cred", High, "RubyGems credentials file"),
    credential("clojars_token", High, "Clojars token"),
    credential("slack_token", High, "Slack token or webhook"),
    credential("discord_client_cred", High, "Discord token or client secret"),
    credential("stripe_skpk", High, "Stripe key"),
    credential("square_token", High, "Square token"),
    credential("square_oauth", High, "Square OAuth secret"),
    credential("mailchimp_api_key", High, "Mailchimp key"),
    credential("mailgun_key", High, "Mailgun key"),
    credential("mailgun_private_token", High, "Mailgun private key"),
    credential("sendinblue", High, "Brevo (Sendinblue) key"),
    credential("messagebird_token", High, "MessageBird key"),
    credential("typeform_token", High, "Typeform token"),
    credential("lob_api_key", High, "Lob key"),
    credential("finicity_token", High, "Finicity token"),
    credential("fastly_cdn_token", High, "Fastly token"),
    credential("heroku_api_key", High, "Heroku key"),
    credential("newrelic_api_key", High, "New Relic key"),
    credential("dynatrace_token", High, "Dynatrace token"),
    credential("grafana_token", High, "Grafana token"),
    credential("databricks_token", High, "Databricks token"),
    credential("pulumi_token", High, "Pulumi token"),
    credential("contentful_delivery_token", High, "Contentful delivery token"),
    credential("contentful_preview_token", High, "Contentful preview token"),
    credential("asana_client_private_key", High, "Asana client secret"),
    credential("atlassian_token", High, "Atlassian token"),
    credential("planetscale_passwd", High, "PlanetScale password"),
    credential("planetscale_token", High, "PlanetScale token"),
    credential("hashicorp_terraform_token", High, "Terraform token"),
    credential("hashicorp_vault_token", High, "Vault token"),
    credential("salesforce", High, "Salesforce session or login"),
    credential("jenkins_cred", High, "Jenkins credentials"),
    credential("jenkins_ssh", High, "Jenkins SSH publisher"),
    credential("postgresql_passwd", High, "PostgreSQL password file"),
    credential("apache_htpasswd", Medium, "Apache password file"),
    credential("sshpasswd", High, "Password for SSH in a script"),
    credential("sftp_cfg", High, "SFTP login"),
    credential("vscode_sftp", High, "SFTP login of VS Code"),
    credential("atom_sftp_cfg", High, "FTP login of Atom"),
    credential("atom_remote_sync", High, "Remote login of Atom"),
    credential("ftp_cfg", Medium, "FTP login"),
    credential("filezilla_ftp", Medium, "FileZilla login"),
    credential("cpanel_proftpd", Medium, "ProFTPD password file"),
    credential("ventrilo_voip", Medium, "Ventrilo server password"),
    credential("esmtp_cfg", Medium, "esmtp login"),
    credential("firefox_logins", Medium, "Logins kept by Firefox"),
    credential("robomongo_cred", Medium, "Robomongo logins"),
    credential("dbeaver_database_cfg", Medium, "DBeaver logins"),
    credential("jetbrains_ides", Medium, "Logins kept by a JetBrains IDE"),
    credential("digital_ocean_tugboat", Medium, "Tugboat (DigitalOcean) login"),
    credential("rdp", Medium, "Remote desktop login"),
    credential("openvpn_cfg", Medium, "OpenVPN key or login"),
    credential("django_key", High, "Django secret key"),
    credential("rails_master_key", High, "Rails master key"),
    credential("rails_app_token", High, "Rails secret token"),
    credential("rubyonrails_passwd", Medium, "Rails secrets file"),
    credential("phoenix_web_passwd", Medium, "Phoenix production secrets"),
    credential("rails_carrierwave", Medium, "CarrierWave storage secret"),
    credential("common_cred", Low, "Something that looks like a secret"),
    // Configuration of applications.
    config("rails_database", Medium, "Rails database password"),
    config("rubyonrails_cfg", Medium, "Rails configuration"),
    config("php_database_cfg", Medium, "PHP database password"),
    config("php_config", Medium, "PHP configuration with a password"),
    config("wordpress_database_cfg", Medium, "WordPress database password"),
    config("joomla_cfg", Medium, "Joomla configuration"),
    config("mediawiki_cfg", Medium, "MediaWiki configuration"),
    config("common_database_cfg", Medium, "Database login"),
    config("msbuild_publish_profile", Medium, "MSBuild publish profile"),
    config("sqlite", Low, "SQLite database"),
    config("microsoft_mdf", Low, "SQL Server database"),
    config("microsoft_sdf", Low, "SQL Server Compact database"),
];
