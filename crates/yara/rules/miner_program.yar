// Miners as programs of Linux. Examples: miner_program.toml.

rule miner_xmrig_program {
  meta:
    description = "the miner XMRig, or one made of it"
    sas_level = "serious"
    sas_type = "Miner"
    kinds = "elf"
    reference = "MITRE ATT&CK T1496"
  strings:
    $name = "xmrig" nocase
    $donate = "donate-level"
    $protocol = "stratum+"
    $algorithm = "randomx" nocase
    $pages = "huge-pages"
    $login = "mining.authorize"
    $job = "\"method\":\"keepalived\""
  condition:
    ($name and 2 of ($donate, $protocol, $algorithm, $pages)) or ($donate and $protocol and $algorithm) or ($donate and $job and $login)
}

rule miner_program_speaks_stratum {
  meta:
    description = "a program that speaks the protocol of mining pools"
    sas_level = "serious"
    sas_type = "Miner"
    kinds = "elf"
    reference = "MITRE ATT&CK T1496"
  strings:
    $url = "stratum+tcp://"
    $ssl = "stratum+ssl://"
    $authorize = "mining.authorize"
    $subscribe = "mining.subscribe"
    $submit = "mining.submit"
  condition:
    2 of ($authorize, $subscribe, $submit) and any of ($url, $ssl)
}
