//! Table: what runs clusters, and what runs in them.

use plimsoll_model::Level;

use super::{open_to_all, store::is_given};
use crate::{
    baseline::service::{
        Clause::{self, Environment, NoOption, Not, Option, Set},
        ROW, Service,
        Test::{Any, Begins, By, Empty, Is, Lists, Local, On, Open},
    },
    check::{About, Example},
    settings::Grammar,
    wanted::text,
};

fn is_open_tcp(host: &str) -> bool {
    Begins("tcp://").passes(host) && !Local.passes(host)
}

/// Source: Docker's documentation, "Protect the Docker daemon socket", `dockerd`.
pub(crate) static DOCKER: Service = Service {
    about: &About {
        title: "Docker's API by TCP without TLS",
        why: "whoever reaches the port is root on the host that runs it",
        source: "Alibaba Cloud baseline list; Docker documentation, protect the daemon socket",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_docker_linux.item", Level::High)
    },
    programs: &["dockerd", "dockerd-entrypoint.sh"],
    needs_program: true,
    files: &[text("etc/docker/daemon.json"), text("root/.config/docker/daemon.json")],
    roots: &[
        ("etc/docker/daemon.json", Grammar::Json),
        ("root/.config/docker/daemon.json", Grammar::Json),
    ],
    open: &[
        &[
            Clause::Any("hosts", By(is_open_tcp)),
            Not("tlsverify", On),
            NoOption("--tlsverify", Any),
        ],
        &[Option("-H|--host", By(is_open_tcp)), NoOption("--tlsverify", Any), Not("tlsverify", On)],
        &[Environment("DOCKER_TLS_CERTDIR", Empty)],
    ],
    examples: &[
        Example::fails("hosts tcp://0.0.0.0:2375").files(&[
            ("usr/bin/dockerd 755", ""),
            (
                "etc/docker/daemon.json",
                "{\n  \"hosts\": [\"unix:///var/run/docker.sock\", \"tcp://0.0.0.0:2375\"]\n}\n",
            ),
        ]),
        Example::fails("command: -H tcp://0.0.0.0:2375").command(&[
            "dockerd",
            "-H",
            "tcp://0.0.0.0:2375",
            "-H",
            "unix:///x.sock",
        ]),
        Example::fails("DOCKER_TLS_CERTDIR=")
            .files(&[("usr/local/bin/dockerd 755", "")])
            .environment(&["DOCKER_TLS_CERTDIR="]),
        Example::passes().files(&[
            ("usr/bin/dockerd 755", ""),
            (
                "etc/docker/daemon.json",
                "{\"hosts\": [\"tcp://0.0.0.0:2376\"], \"tlsverify\": true}\n",
            ),
        ]),
        Example::passes().command(&["dockerd", "-H", "unix:///var/run/docker.sock"]),
        Example::is_undecided("is not JSON")
            .files(&[("usr/bin/dockerd 755", ""), ("etc/docker/daemon.json", "{\"hosts\": [")]),
        Example::is_silent().files(&[("etc/docker/daemon.json", "{\"hosts\": [\"tcp://:1\"]}")]),
    ],
    ..ROW
};

fn is_port(value: &str) -> bool {
    !value.is_empty() && value != "0"
}

fn is_insecure_port(word: &str) -> bool {
    word.strip_prefix("--insecure-port=").is_some_and(is_port)
}

fn allows_anonymous(word: &str) -> bool {
    word == "--anonymous-auth=true"
}

fn allows_all(word: &str) -> bool {
    word.strip_prefix("--authorization-mode=").is_some_and(|modes| modes.contains("AlwaysAllow"))
}

const CONTAINER: &str = "spec.containers.command|spec.containers.args";

/// Source: Kubernetes' reference, `KubeletConfiguration`, kube-apiserver.
pub(crate) static KUBERNETES: Service = Service {
    about: &About {
        title: "Kubelet or API server open to anonymous requests",
        why: "whoever reaches the port runs commands in every container of the node or cluster",
        source: "Alibaba Cloud baseline list; Kubernetes reference; CIS Kubernetes 1.2, 4.2",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_k8s_linux.item", Level::High)
    },
    programs: &["kubelet", "kube-apiserver"],
    files: &[
        text("var/lib/kubelet/config.yaml"),
        text("etc/kubernetes/kubelet*"),
        text("etc/kubernetes/kubelet/*"),
        text("etc/kubernetes/manifests/*"),
    ],
    roots: &[
        ("var/lib/kubelet/config.yaml", Grammar::Yaml),
        ("etc/kubernetes/kubelet*.yaml", Grammar::Yaml),
        ("etc/kubernetes/kubelet*.yml", Grammar::Yaml),
        ("etc/kubernetes/kubelet/*.yaml", Grammar::Yaml),
        ("etc/kubernetes/kubelet/*.json", Grammar::Json),
        ("etc/kubernetes/manifests/*.yaml", Grammar::Yaml),
        ("etc/kubernetes/manifests/*.yml", Grammar::Yaml),
        ("etc/kubernetes/manifests/*.json", Grammar::Json),
    ],
    open: &[
        &[
            Set("authentication.anonymous.enabled", On),
            Set("authorization.mode", Is(&["AlwaysAllow"])),
        ],
        &[Set("readOnlyPort", By(is_port))],
        &[Clause::Any(CONTAINER, By(is_insecure_port))],
        &[Clause::Any(CONTAINER, By(allows_anonymous)), Clause::Any(CONTAINER, By(allows_all))],
        &[Option("--insecure-port|--read-only-port", By(is_port))],
        &[Option("--anonymous-auth", On), Option("--authorization-mode", Lists(&["AlwaysAllow"]))],
    ],
    examples: &[
        Example::fails("authorization.mode AlwaysAllow").files(&[(
            "var/lib/kubelet/config.yaml",
            "kind: KubeletConfiguration\nauthentication:\n  anonymous:\n    enabled: true\nauthorization:\n  mode: AlwaysAllow\n",
        )]),
        Example::fails("line 2: readOnlyPort 10255").files(&[(
            "etc/kubernetes/kubelet.yaml",
            "kind: KubeletConfiguration\nreadOnlyPort: 10255\n",
        )]),
        Example::fails("--insecure-port=8080").files(&[(
            "etc/kubernetes/manifests/kube-apiserver.yaml",
            "spec:\n  containers:\n  - name: kube-apiserver\n    command:\n    - kube-apiserver\n    - --insecure-port=8080\n",
        )]),
        Example::fails("command: --anonymous-auth true").command(&[
            "kube-apiserver",
            "--anonymous-auth=true",
            "--authorization-mode=AlwaysAllow",
        ]),
        Example::passes().files(&[(
            "var/lib/kubelet/config.yaml",
            "authentication:\n  anonymous:\n    enabled: false\nauthorization:\n  mode: Webhook\nreadOnlyPort: 0\n",
        )]),
        Example::passes().files(&[(
            "etc/kubernetes/manifests/kube-apiserver.yaml",
            "spec:\n  containers:\n  - command: [kube-apiserver, --insecure-port=0, --anonymous-auth=true, '--authorization-mode=Node,RBAC']\n",
        )]),
        Example::is_undecided("nesting").files(&[(
            "var/lib/kubelet/config.yaml",
            "a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        )]),
    ],
    ..ROW
};

/// The keys that `Nacos` once shipped with.
const NACOS_KEYS: &[&str] = &[
    "SecretKey012345678901234567890123456789012345678901234567890123456789",
    "VGhpc0lzTXlDdXN0b21TZWNyZXRLZXkwMTIzNDU2Nzg=",
    "VGhpc0lzTXlDdXN0b21TZWNyZXRLZXk=",
];

/// Source: Nacos' documentation, "Authorization"; QVD-2023-6271 for the key.
pub(crate) static NACOS: Service = Service {
    about: &About {
        title: "Nacos without authentication, or with its well-known key",
        why: "whoever reaches the port, or makes a token with the key, reads and changes the configuration of every service",
        source: "Nacos documentation, authorization",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_nacos_linux.item", Level::High)
    },
    programs: &["nacos-server.jar"],
    files: &[text("**/nacos/conf/application.properties")],
    roots: &[("**/nacos/conf/application.properties", Grammar::Properties)],
    open: &[
        &[Set("nacos.core.auth.enabled", Is(&["false"]))],
        &[Environment("NACOS_AUTH_ENABLE", Is(&["false"]))],
        &[Set(
            "nacos.core.auth.plugin.nacos.token.secret.key|nacos.core.auth.default.token.secret.key",
            Is(NACOS_KEYS),
        )],
    ],
    examples: &[
        Example::fails("line 1: nacos.core.auth.enabled ${NACOS_AUTH_ENABLE:false}").files(&[(
            "home/nacos/conf/application.properties",
            "nacos.core.auth.enabled=${NACOS_AUTH_ENABLE:false}\n",
        )]),
        Example::fails("NACOS_AUTH_ENABLE=false").environment(&["NACOS_AUTH_ENABLE=false"]),
        Example::fails("token.secret.key").files(&[(
            "opt/nacos/conf/application.properties",
            "nacos.core.auth.enabled=true\nnacos.core.auth.plugin.nacos.token.secret.key=SecretKey012345678901234567890123456789012345678901234567890123456789\n",
        )]),
        Example::passes()
            .files(&[(
                "home/nacos/conf/application.properties",
                "nacos.core.auth.enabled=${NACOS_AUTH_ENABLE:false}\n",
            )])
            .environment(&["NACOS_AUTH_ENABLE=true"]),
    ],
    ..ROW
};

/// Source: Hadoop's documentation, "Hadoop in Secure Mode", `core-default.xml`; Spark's, "Security".
pub(crate) static HADOOP: Service = Service {
    about: &About {
        title: "Hadoop or Spark without authentication",
        why: "whoever reaches the port runs programs on the cluster and reads its files as anybody",
        source: "Alibaba Cloud baseline list; Hadoop documentation, secure mode; Spark documentation, security",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_hadoop_linux.item", Level::Medium)
    },
    files: &[text("**/core-site.xml"), text("**/yarn-site.xml"), text("**/hdfs-site.xml"), text("**/spark-defaults.conf")],
    roots: &[
        ("**/core-site.xml", Grammar::Hadoop),
        ("**/spark-defaults.conf", Grammar::Properties),
    ],
    beside: &["hdfs-site.xml", "yarn-site.xml"],
    open: &[&[
        Clause::Any(
            "yarn.resourcemanager.webapp.address|yarn.resourcemanager.address|yarn.resourcemanager.bind-host|dfs.namenode.http-address|dfs.namenode.http-bind-host|dfs.http.address",
            Open,
        ),
        Not("hadoop.security.authentication", Is(&["kerberos"])),
    ], &[Set("spark.master.rest.enabled", On), Not("spark.authenticate", On)]],
    examples: &[
        Example::fails("dfs.namenode.http-address 0.0.0.0:9870").files(&[
            ("opt/hadoop/etc/hadoop/core-site.xml", "<configuration>\n</configuration>\n"),
            (
                "opt/hadoop/etc/hadoop/hdfs-site.xml",
                "<configuration><property>\n<name>dfs.namenode.http-address</name><value>0.0.0.0:9870</value>\n</property></configuration>\n",
            ),
        ]),
        Example::fails("line 2: spark.master.rest.enabled true").files(&[(
            "opt/spark/conf/spark-defaults.conf",
            "spark.master  spark://m:7077\nspark.master.rest.enabled  true\n",
        )]),
        Example::passes().files(&[(
            "opt/spark/conf/spark-defaults.conf",
            "spark.authenticate true\nspark.master.rest.enabled true\n",
        )]),
        Example::passes().files(&[
            (
                "opt/hadoop/etc/hadoop/core-site.xml",
                "<configuration><property><name>hadoop.security.authentication</name><value>kerberos</value></property></configuration>",
            ),
            (
                "opt/hadoop/etc/hadoop/yarn-site.xml",
                "<configuration><property><name>yarn.resourcemanager.webapp.address</name><value>0.0.0.0:8088</value></property></configuration>",
            ),
        ]),
        Example::passes().files(&[(
            "opt/hadoop/etc/hadoop/core-site.xml",
            "<configuration><!-- <property><name>dfs.http.address</name><value>0.0.0.0:1</value></property> --></configuration>",
        )]),
        Example::is_undecided("is not XML")
            .files(&[("opt/hadoop/etc/hadoop/core-site.xml", "<configuration><!-- open")]),
    ],
    ..ROW
};

/// Source: Jupyter's documentation, "Security in the Jupyter Server".
pub(crate) static JUPYTER: Service = Service {
    about: &About {
        title: "Jupyter without token and password",
        why: "whoever reaches the port runs programs in the container",
        source: "Jupyter documentation, security",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_jupyter_linux.item", Level::High)
    },
    programs: &[
        "jupyter",
        "jupyter-lab",
        "jupyter-notebook",
        "jupyter-server",
        "start-notebook.sh",
        "start-notebook.py",
        "start-singleuser.sh",
    ],
    files: &[
        text("**/jupyter_notebook_config.py"),
        text("**/jupyter_notebook_config.json"),
        text("**/jupyter_server_config.py"),
        text("**/jupyter_server_config.json"),
        text("**/jupyter_lab_config.py"),
        text("**/jupyter_config.py"),
        text("**/jupyter_config.json"),
    ],
    roots: &[
        ("**/jupyter_notebook_config.py", Grammar::Python),
        ("**/jupyter_server_config.py", Grammar::Python),
        ("**/jupyter_lab_config.py", Grammar::Python),
        ("**/jupyter_config.py", Grammar::Python),
        ("**/jupyter_notebook_config.json", Grammar::Json),
        ("**/jupyter_server_config.json", Grammar::Json),
        ("**/jupyter_config.json", Grammar::Json),
    ],
    open: &[
        &[
            Set("*app.token|*identityprovider.token", Empty),
            Not("*app.password|*provider.hashed_password", By(is_given)),
        ],
        &[Option("--*.token", Empty), NoOption("--*.password|--*.hashed_password", By(is_given))],
    ],
    examples: &[
        Example::fails("line 2: c.ServerApp.token").files(&[(
            "root/.jupyter/jupyter_server_config.py",
            "c = get_config()\nc.ServerApp.token = ''\nc.ServerApp.password = u''\n",
        )]),
        Example::fails("NotebookApp.token").files(&[(
            "etc/jupyter/jupyter_notebook_config.json",
            "{\"NotebookApp\": {\"token\": \"\", \"password\": \"\"}}",
        )]),
        Example::fails("command: --NotebookApp.token").command(&[
            "jupyter",
            "lab",
            "--allow-root",
            "--NotebookApp.token=''",
        ]),
        Example::passes().files(&[(
            "root/.jupyter/jupyter_server_config.py",
            "# c.ServerApp.token = ''\nc.ServerApp.ip = '*'\n",
        )]),
        Example::passes().files(&[(
            "root/.jupyter/jupyter_server_config.py",
            "c.ServerApp.token = ''\nc.ServerApp.password = 'argon2:c4nary'\n",
        )]),
        Example::passes().command(&["jupyter", "lab", "--ServerApp.ip=0.0.0.0"]),
    ],
    ..ROW
};

fn is_unsecured(class: &str) -> bool {
    class.ends_with("AuthorizationStrategy$Unsecured")
}

/// Source: Jenkins' handbook, "Access Control".
pub(crate) static JENKINS: Service = Service {
    about: &About {
        title: "Jenkins with security switched off",
        why: "whoever reaches the port runs programs on it and on its agents, and reads all credentials",
        source: "Alibaba Cloud baseline list; Jenkins handbook, access control",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_jenkins_linux.item", Level::High)
    },
    files: &[
        text("**/jenkins_home/config.xml"),
        text("**/.jenkins/config.xml"),
        text("var/lib/jenkins/config.xml"),
        text("usr/share/jenkins/ref/config.xml"),
    ],
    roots: &[
        ("**/jenkins_home/config.xml", Grammar::Xml),
        ("**/.jenkins/config.xml", Grammar::Xml),
        ("var/lib/jenkins/config.xml", Grammar::Xml),
        ("usr/share/jenkins/ref/config.xml", Grammar::Xml),
    ],
    open: &[
        &[Set("hudson.useSecurity", Is(&["false"]))],
        &[Set("hudson.authorizationStrategy@class", By(is_unsecured))],
    ],
    examples: &[
        Example::fails("line 3: hudson.useSecurity false").files(&[(
            "var/jenkins_home/config.xml",
            "<?xml version='1.1' encoding='UTF-8'?>\n<hudson>\n  <useSecurity>false</useSecurity>\n</hudson>\n",
        )]),
        Example::fails("AuthorizationStrategy$Unsecured").files(&[(
            "var/lib/jenkins/config.xml",
            "<hudson><useSecurity>true</useSecurity><authorizationStrategy class=\"hudson.security.AuthorizationStrategy$Unsecured\"/></hudson>",
        )]),
        Example::passes().files(&[(
            "var/jenkins_home/config.xml",
            "<hudson><useSecurity>true</useSecurity><authorizationStrategy class=\"hudson.security.FullControlOnceLoggedInAuthorizationStrategy\"/></hudson>",
        )]),
    ],
    ..ROW
};
