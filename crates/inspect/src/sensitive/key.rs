//! Table: the keys under which sensitive files are counted.
//!
//! In: a key. Out: its class and its usual level. Source: `SensitiveFileKey` of the wire contract, which names these 112;
//! `docs/semantics.md`, "Sensitive files". Odd: keys are the contract's, with its letter case, and are wide: which of our rules
//! found something stands beside the key. What people call a key is the model's to say, and a test holds the classes to it.

use plimsoll_model::{
    Level::{self, High, Low, Medium},
    sensitive::SensitiveClass,
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
    /// Its class.
    pub class: SensitiveClass,
    /// How bad a find is, if its rule does not say otherwise.
    pub level: Level,
}

/// The key of that id.
#[must_use]
pub fn secret_key(id: &str) -> Option<&'static SecretKey> {
    KEYS.iter().find(|key| key.id == id)
}

const fn config(id: &'static str, level: Level) -> SecretKey {
    SecretKey { id, class: SensitiveClass::Config, level }
}

const fn certificate(id: &'static str, level: Level) -> SecretKey {
    SecretKey { id, class: SensitiveClass::CertKey, level }
}

const fn credential(id: &'static str, level: Level) -> SecretKey {
    SecretKey { id, class: SensitiveClass::Credential, level }
}

const fn cloud(id: &'static str) -> SecretKey {
    SecretKey { id, class: SensitiveClass::Password, level: High }
}

/// All keys, by class.
pub const KEYS: &[SecretKey] = &[
    // Certificates and private keys.
    certificate("rsa_private_key", High),
    certificate("ec_private_key", High),
    certificate("dsa_private_key", High),
    certificate("openssh_private_key", High),
    certificate("pgp_private_key", High),
    certificate("common_private_key", High),
    certificate("pem", Low),
    certificate("ssh_private_key", High),
    certificate("github_ssh_key", High),
    certificate("puttygen_private_key", High),
    certificate("pkcs_private_key", Medium),
    certificate("pkcs_cred", Medium),
    certificate("java_keystore", Medium),
    certificate("pgp", Low),
    certificate("otr_private_key", Medium),
    certificate("macos_keychain", Medium),
    certificate("k8s_client_key", High),
    // Cloud accounts.
    cloud("aws_access_key"),
    cloud("aws_session_token"),
    cloud("aws_cli"),
    cloud("aws_s3cmd"),
    cloud("amazon_mws_token"),
    cloud("tencentcloud_ak"),
    cloud("huaweicloud_ak"),
    cloud("googlecloud_api_key"),
    cloud("google_oauth_key"),
    cloud("google_oauth_token"),
    // Services.
    credential("kubernetes_dashboard_cred", Medium),
    credential("docker_registry_cfg", High),
    credential("github_personal_token", High),
    credential("github_oauth_token", High),
    credential("github_app_token", High),
    credential("github_refresh_token", High),
    credential("github_hub", High),
    credential("gitLab_personal_token", High),
    credential("git_cred", High),
    credential("git_cfg", Low),
    credential("netrc_cfg", High),
    credential("npm_token", High),
    credential("pypi_token", High),
    credential("rubygem", High),
    credential("rubygems_cred", High),
    credential("clojars_token", High),
    credential("slack_token", High),
    credential("discord_client_cred", High),
    credential("stripe_skpk", High),
    credential("square_token", High),
    credential("square_oauth", High),
    credential("mailchimp_api_key", High),
    credential("mailgun_key", High),
    credential("mailgun_private_token", High),
    credential("sendinblue", High),
    credential("messagebird_token", High),
    credential("typeform_token", High),
    credential("lob_api_key", High),
    credential("finicity_token", High),
    credential("fastly_cdn_token", High),
    credential("heroku_api_key", High),
    credential("newrelic_api_key", High),
    credential("dynatrace_token", High),
    credential("grafana_token", High),
    credential("databricks_token", High),
    credential("pulumi_token", High),
    credential("contentful_delivery_token", High),
    credential("contentful_preview_token", High),
    credential("asana_client_private_key", High),
    credential("atlassian_token", High),
    credential("planetscale_passwd", High),
    credential("planetscale_token", High),
    credential("hashicorp_terraform_token", High),
    credential("hashicorp_vault_token", High),
    credential("salesforce", High),
    credential("jenkins_cred", High),
    credential("jenkins_ssh", High),
    credential("postgresql_passwd", High),
    credential("apache_htpasswd", Medium),
    credential("sshpasswd", High),
    credential("sftp_cfg", High),
    credential("vscode_sftp", High),
    credential("atom_sftp_cfg", High),
    credential("atom_remote_sync", High),
    credential("ftp_cfg", Medium),
    credential("filezilla_ftp", Medium),
    credential("cpanel_proftpd", Medium),
    credential("ventrilo_voip", Medium),
    credential("esmtp_cfg", Medium),
    credential("firefox_logins", Medium),
    credential("robomongo_cred", Medium),
    credential("dbeaver_database_cfg", Medium),
    credential("jetbrains_ides", Medium),
    credential("digital_ocean_tugboat", Medium),
    credential("rdp", Medium),
    credential("openvpn_cfg", Medium),
    credential("django_key", High),
    credential("rails_master_key", High),
    credential("rails_app_token", High),
    credential("rubyonrails_passwd", Medium),
    credential("phoenix_web_passwd", Medium),
    credential("rails_carrierwave", Medium),
    credential("common_cred", Low),
    // Configuration of applications.
    config("rails_database", Medium),
    config("rubyonrails_cfg", Medium),
    config("php_database_cfg", Medium),
    config("php_config", Medium),
    config("wordpress_database_cfg", Medium),
    config("joomla_cfg", Medium),
    config("mediawiki_cfg", Medium),
    config("common_database_cfg", Medium),
    config("msbuild_publish_profile", Medium),
    config("sqlite", Low),
    config("microsoft_mdf", Low),
    config("microsoft_sdf", Low),
];
