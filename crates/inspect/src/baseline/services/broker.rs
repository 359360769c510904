//! Table: brokers of messages and coordination.

use plimsoll_model::Level;

use super::open_to_all;
use crate::{
    baseline::service::{
        Clause::{Absent, Environment, NoEnvironment, Not, Set},
        ROW, Service,
        Test::{Any, By, Is, Local, Open},
    },
    check::{About, Example},
    settings::Grammar,
    wanted::text,
};

/// Source: `ZooKeeper` Administrator's Guide, "Authentication & Authorization Options".
pub(crate) static ZOOKEEPER: Service = Service {
    about: &About {
        title: "ZooKeeper without authentication",
        why: "whoever reaches the port reads and changes what services agree on by it",
        source: "Alibaba Cloud baseline list; ZooKeeper administrator's guide",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_zookeeper_linux.item", Level::Medium)
    },
    programs: &["zkServer.sh", "zookeeper-server-start.sh", "zookeeper-server-start", "zookeeper"],
    needs_program: true,
    files: &[text("**/zoo.cfg"), text("**/config/zookeeper.properties")],
    roots: &[
        ("**/zoo.cfg", Grammar::Properties),
        ("**/config/zookeeper.properties", Grammar::Properties),
    ],
    open: &[
        &[Set("skipACL", Is(&["yes"]))],
        &[
            Set("clientPort", Any),
            Absent("authProvider*"),
            Not("clientPortAddress", Local),
        ],
    ],
    examples: &[
        Example::fails("line 2: clientPort 2181").files(&[
            ("opt/zookeeper/bin/zkServer.sh 755", ""),
            ("opt/zookeeper/conf/zoo.cfg", "tickTime=2000\nclientPort=2181\n"),
        ]),
        Example::fails("skipACL yes").files(&[
            ("usr/share/zookeeper/bin/zkServer.sh 755", ""),
            ("etc/zookeeper/conf/zoo.cfg", "clientPortAddress=127.0.0.1\nskipACL=yes\n"),
        ]),
        Example::passes().files(&[
            ("opt/zookeeper/bin/zkServer.sh 755", ""),
            (
                "opt/zookeeper/conf/zoo.cfg",
                "clientPort=2181\nauthProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n",
            ),
        ]),
        Example::passes().files(&[
            ("opt/zookeeper/bin/zkServer.sh 755", ""),
            ("opt/zookeeper/conf/zoo.cfg", "clientPort=2181\nclientPortAddress=127.0.0.1\n"),
        ]),
        Example::is_silent().files(&[("etc/zookeeper/conf/zoo.cfg", "clientPort=2181\n")]),
    ],
    ..ROW
};

fn is_open_plaintext(listeners: &str) -> bool {
    let mut listeners = listeners.split(',').map(str::trim);
    listeners.any(|one| {
        let head = one.get(.."PLAINTEXT://".len()).unwrap_or_default();
        head.eq_ignore_ascii_case("PLAINTEXT://") && Open.passes(one)
    })
}

/// Source: Kafka's documentation, "Broker Configs", "Security Overview".
pub(crate) static KAFKA: Service = Service {
    about: &About {
        title: "Kafka in plain text without an authoriser",
        why: "whoever reaches the port reads and writes all topics",
        source: "Apache Kafka documentation, security",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_kafka_linux.item", Level::Medium)
    },
    programs: &["kafka-server-start.sh", "kafka-server-start", "kafka-run-class.sh", "kafka-run-class"],
    needs_program: true,
    files: &[text("**/server.properties"), text("**/config/kraft/*.properties")],
    roots: &[
        ("**/server.properties", Grammar::Properties),
        ("**/config/kraft/*.properties", Grammar::Properties),
    ],
    open: &[
        &[Set("listeners", By(is_open_plaintext)), Absent("authorizer.class.name")],
        &[
            Environment("KAFKA_LISTENERS|KAFKA_CFG_LISTENERS", By(is_open_plaintext)),
            NoEnvironment("KAFKA_AUTHORIZER_CLASS_NAME|KAFKA_CFG_AUTHORIZER_CLASS_NAME"),
            Absent("authorizer.class.name"),
        ],
    ],
    examples: &[
        Example::fails("line 2: listeners PLAINTEXT://:9092,CONTROLLER://:9093").files(&[
            ("opt/kafka/bin/kafka-server-start.sh 755", ""),
            (
                "opt/kafka/config/server.properties",
                "node.id=1\nlisteners=PLAINTEXT://:9092,CONTROLLER://:9093\n",
            ),
        ]),
        Example::fails("KAFKA_LISTENERS")
            .files(&[("opt/kafka/bin/kafka-server-start.sh 755", "")])
            .environment(&["KAFKA_LISTENERS=PLAINTEXT://0.0.0.0:9092"]),
        Example::passes().files(&[
            ("opt/kafka/bin/kafka-server-start.sh 755", ""),
            (
                "opt/kafka/config/server.properties",
                "listeners=PLAINTEXT://:9092\nauthorizer.class.name=kafka.security.authorizer.AclAuthorizer\n",
            ),
        ]),
        Example::passes().files(&[
            ("opt/kafka/bin/kafka-server-start.sh 755", ""),
            ("opt/kafka/config/server.properties", "listeners=SASL_SSL://:9092\n"),
        ]),
    ],
    ..ROW
};

fn is_other_than_guest(value: &str) -> bool {
    !value.is_empty() && value != "guest"
}

/// Source: `RabbitMQ`'s documentation, "Access Control", "Configuration".
pub(crate) static RABBITMQ: Service = Service {
    about: &About {
        title: "RabbitMQ's guest reachable from outside",
        why: "guest's password is known to everybody, and the account may do everything",
        source: "Alibaba Cloud baseline list; RabbitMQ documentation, access control",
        ..open_to_all("hc.image.checklist.identify.hc_exploit_rabbitmq_linux.item", Level::High)
    },
    programs: &["rabbitmq-server"],
    files: &[text("etc/rabbitmq/*.conf"), text("etc/rabbitmq/conf.d/*.conf")],
    roots: &[
        ("etc/rabbitmq/rabbitmq.conf", Grammar::Properties),
        ("etc/rabbitmq/conf.d/*.conf", Grammar::Properties),
    ],
    together: true,
    open: &[
        &[
            Set("loopback_users", Is(&["none", "[]"])),
            Not("default_user", By(is_other_than_guest)),
            Not("default_pass", By(is_other_than_guest)),
            NoEnvironment("RABBITMQ_DEFAULT_USER|RABBITMQ_DEFAULT_PASS|RABBITMQ_DEFAULT_PASS_FILE"),
        ],
        &[
            Set("loopback_users.guest", Is(&["false"])),
            Not("default_user", By(is_other_than_guest)),
            Not("default_pass", By(is_other_than_guest)),
            NoEnvironment("RABBITMQ_DEFAULT_USER|RABBITMQ_DEFAULT_PASS|RABBITMQ_DEFAULT_PASS_FILE"),
        ],
    ],
    examples: &[
        Example::fails("line 1: loopback_users none")
            .files(&[("etc/rabbitmq/rabbitmq.conf", "loopback_users = none\n")]),
        Example::fails("loopback_users.guest false").files(&[
            ("etc/rabbitmq/rabbitmq.conf", "listeners.tcp.default = 5672\n"),
            ("etc/rabbitmq/conf.d/10-defaults.conf", "loopback_users.guest = false\n"),
        ]),
        Example::passes().files(&[(
            "etc/rabbitmq/rabbitmq.conf",
            "loopback_users = none\ndefault_user = app\ndefault_pass = c4nary-of-some-length\n",
        )]),
        Example::passes().files(&[("etc/rabbitmq/rabbitmq.conf", "# loopback_users = none\n")]),
        Example::passes()
            .files(&[("etc/rabbitmq/rabbitmq.conf", "loopback_users.guest = false\n")])
            .environment(&["RABBITMQ_DEFAULT_PASS=c4nary-of-some-length"]),
    ],
    ..ROW
};
