//! Table: the keys under which sensitive files are counted.
//!
//! In: a key. Out: its usual level. Source: `SensitiveFileKey` of the wire contract, which names these 112;
//! `docs/semantics.md`, "Sensitive files". Odd: keys are the contract's, with its letter case, and are wide: which of our rules
//! found something stands beside the key. A key's class and what people call it are the model's to say.

use plimsoll_model::{
    Level::{self, High, Low, Medium},
    sensitive::{SensitiveClass, SensitiveFileKey},
};

/// What ends a finding of a class.
#[must_use]
pub const fn remedy(class: SensitiveClass) -> &'static str {
    match class {
        SensitiveClass::Config => {
            "change the password, keep it out of the image and mount the configuration when the container starts"
        }
        SensitiveClass::CertKey => {
            "replace the key, revoke its certificates, and mount the new one when the container starts; deleting it in a later step leaves it in its layer"
        }
        SensitiveClass::Credential => {
            "revoke it at its service, make another, and supply that one when the container starts or by the builder's secret mounts"
        }
        SensitiveClass::Password => {
            "disable the key in the cloud account and use a role of the machine or workload in its place"
        }
    }
}

/// One of the keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SecretKey {
    /// The contract's key.
    pub id: &'static str,
    /// How bad a find is, if its rule does not say otherwise.
    pub level: Level,
}

/// The key of that id.
#[must_use]
pub fn secret_key(id: &str) -> Option<&'static SecretKey> {
    KEYS.iter().find(|key| key.id == id)
}

impl SecretKey {
    /// Its class, if the contract knows the key, as a test says of all.
    #[must_use]
    pub fn class(&self) -> SensitiveClass {
        SensitiveFileKey::find(self.id).map_or(SensitiveClass::Credential, |known| known.class)
    }
}

const fn key(id: &'static str, level: Level) -> SecretKey {
    SecretKey { id, level }
}

/// All keys, by class.
pub const KEYS: &[SecretKey] = &[
    // Certificates and private keys.
    key("rsa_private_key", High),
    key("ec_private_key", High),
    key("dsa_private_key", High),
    key("openssh_private_key", High),
    key("pgp_private_key", High),
    key("common_private_key", High),
    key("pem", Low),
    key("ssh_private_key", High),
    key("github_ssh_key", High),
    key("puttygen_private_key", High),
    key("pkcs_private_key", Medium),
    key("pkcs_cred", Medium),
    key("java_keystore", Medium),
    key("pgp", Low),
    key("otr_private_key", Medium),
    key("macos_keychain", Medium),
    key("k8s_client_key", High),
    // Cloud accounts.
    key("aws_access_key", High),
    key("aws_session_token", High),
    key("aws_cli", High),
    key("aws_s3cmd", High),
    key("amazon_mws_token", High),
    key("tencentcloud_ak", High),
    key("huaweicloud_ak", High),
    key("googlecloud_api_key", High),
    key("google_oauth_key", High),
    key("google_oauth_token", High),
    // Services.
    key("kubernetes_dashboard_cred", Medium),
    key("docker_registry_cfg", High),
    key("github_personal_token", High),
    key("github_oauth_token", High),
    key("github_app_token", High),
    key("github_refresh_token", High),
    key("github_hub", High),
    key("gitLab_personal_token", High),
    key("git_cred", High),
    key("git_cfg", Low),
    key("netrc_cfg", High),
    key("npm_token", High),
    key("pypi_token", High),
    key("rubygem", High),
    key("rubygems_cred", High),
    key("clojars_token", High),
    key("slack_token", High),
    key("discord_client_cred", High),
    key("stripe_skpk", High),
    key("square_token", High),
    key("square_oauth", High),
    key("mailchimp_api_key", High),
    key("mailgun_key", High),
    key("mailgun_private_token", High),
    key("sendinblue", High),
    key("messagebird_token", High),
    key("typeform_token", High),
    key("lob_api_key", High),
    key("finicity_token", High),
    key("fastly_cdn_token", High),
    key("heroku_api_key", High),
    key("newrelic_api_key", High),
    key("dynatrace_token", High),
    key("grafana_token", High),
    key("databricks_token", High),
    key("pulumi_token", High),
    key("contentful_delivery_token", High),
    key("contentful_preview_token", High),
    key("asana_client_private_key", High),
    key("atlassian_token", High),
    key("planetscale_passwd", High),
    key("planetscale_token", High),
    key("hashicorp_terraform_token", High),
    key("hashicorp_vault_token", High),
    key("salesforce", High),
    key("jenkins_cred", High),
    key("jenkins_ssh", High),
    key("postgresql_passwd", High),
    key("apache_htpasswd", Medium),
    key("sshpasswd", High),
    key("sftp_cfg", High),
    key("vscode_sftp", High),
    key("atom_sftp_cfg", High),
    key("atom_remote_sync", High),
    key("ftp_cfg", Medium),
    key("filezilla_ftp", Medium),
    key("cpanel_proftpd", Medium),
    key("ventrilo_voip", Medium),
    key("esmtp_cfg", Medium),
    key("firefox_logins", Medium),
    key("robomongo_cred", Medium),
    key("dbeaver_database_cfg", Medium),
    key("jetbrains_ides", Medium),
    key("digital_ocean_tugboat", Medium),
    key("rdp", Medium),
    key("openvpn_cfg", Medium),
    key("django_key", High),
    key("rails_master_key", High),
    key("rails_app_token", High),
    key("rubyonrails_passwd", Medium),
    key("phoenix_web_passwd", Medium),
    key("rails_carrierwave", Medium),
    key("common_cred", Low),
    // Configuration of applications.
    key("rails_database", Medium),
    key("rubyonrails_cfg", Medium),
    key("php_database_cfg", Medium),
    key("php_config", Medium),
    key("wordpress_database_cfg", Medium),
    key("joomla_cfg", Medium),
    key("mediawiki_cfg", Medium),
    key("common_database_cfg", Medium),
    key("msbuild_publish_profile", Medium),
    key("sqlite", Low),
    key("microsoft_mdf", Low),
    key("microsoft_sdf", Low),
];
