// Miners of crypto-currencies: their settings, how they are started, and what comes along with them. Examples: miner.toml.

rule miner_configuration {
  meta:
    description = "settings of a miner: pools, and a share for its makers"
    sas_level = "serious"
    sas_type = "Miner"
    kinds = "config script temporary startup web"
    reference = "MITRE ATT&CK T1496"
  strings:
    $pools = /["']pools["'][ \t]{0,4}:/
    $donate = /["']donate-level["'][ \t]{0,4}:/
  condition:
    filesize < 1MB and all of them
}

rule miner_pool_address {
  meta:
    description = "the address of a mining pool, in the protocol that miners speak"
    sas_level = "serious"
    sas_type = "Miner"
    kinds = "config script temporary startup web"
    reference = "MITRE ATT&CK T1496"
  strings:
    $address = /\bstratum(1|2)?\+(tcp|ssl|tls|udp|wss?):\/\/[A-Za-z0-9_.\-\[\]]{3,80}(:[0-9]{2,5})?/ nocase
  condition:
    filesize < 1MB and $address
}

rule miner_started_by_script {
  meta:
    description = "a script starts a miner with a pool and a wallet"
    sas_level = "serious"
    sas_type = "Miner"
    kinds = "script startup temporary config web"
    reference = "MITRE ATT&CK T1496"
  strings:
    $flags = /--donate-level[ =][0-9]{1,2}\b/
    $pool = /(-o|--url)[ =][^\s"']{4,80}:[0-9]{2,5}\b/
    $user = /(-u|--user)[ =]["']?[A-Za-z0-9.$_{}+-]{4,120}/
    $algorithm = /(-a|--algo)[ =](rx\/0|randomx|cryptonight|cn\/[a-z0-9]{1,8}|kawpow|ethash|astrobwt)\b/
    $huge = /--(cpu-priority|randomx-1gb-pages|huge-pages-jit|max-cpu-usage|cpu-max-threads-hint)\b/
  condition:
    filesize < 1MB and $pool and $user and ($flags or $algorithm or $huge)
}

rule miner_pool_domain {
  meta:
    description = "a well-known mining pool's name"
    sas_level = "suspicious"
    sas_type = "Miner"
    kinds = "script startup temporary config web"
    reference = "MITRE ATT&CK T1496"
  strings:
    $pool = /(pool\.minexmr\.com|supportxmr\.com|\.nanopool\.org|gulf\.moneroocean\.stream|hashvault\.pro|2miners\.com|unmineable\.com|c3pool\.com|c3pool\.org|xmr\.crypto-pool\.fr|monerohash\.com|herominers\.com)\b/ nocase
    $wallet = /[ \t\n"'=:\/]4[0-9AB][1-9A-HJ-NP-Za-km-z]{93}\b/
    $port = /(minexmr|supportxmr|nanopool|moneroocean|hashvault|2miners|unmineable|c3pool|crypto-pool|monerohash|herominers)[a-z.]{0,12}:[0-9]{2,5}/ nocase
  condition:
    filesize < 1MB and ($port or ($pool and $wallet))
}

rule miner_campaign_artefacts {
  meta:
    description = "names that belong to known mining campaigns (Kinsing, TeamTNT, and those they drive out)"
    sas_level = "serious"
    sas_type = "Miner"
    kinds = "script startup temporary config web"
    reference = "MITRE ATT&CK T1496"
  strings:
    $kinsing = /\/(tmp|var\/tmp|dev\/shm|etc)\/(kinsing|kdevtmpfsi)\b/
    $team = /(teamtnt\.red|HildeGard@TeamTNT|borg\.wtf\/|chimaera\.cc\/|TeamTNT[ _-]{1,3}(worm|setup|moneroocean|scan))/ nocase
    $setup = /setup_moneroocean_miner\.sh|setup_c3pool_miner\.sh/
    $sysrv = /\b(sysrv0[0-9][0-9]|network001|network002|kthreaddk|kthreaddik)[ \t]{0,4}[&"'\/;|)\n]/
    $sysrv_last = /\b(sysrv0[0-9][0-9]|network001|network002|kthreaddk|kthreaddik)\b/
  condition:
    filesize < 2MB and (any of ($kinsing, $team, $setup, $sysrv) or for any i in (1..#sysrv_last) : (@sysrv_last[i] + !sysrv_last[i] == filesize))
}

rule miner_drives_out_rivals {
  meta:
    description = "a script that kills other miners, to have the machine for itself"
    sas_level = "serious"
    sas_type = "Miner"
    kinds = "script startup temporary web"
    reference = "MITRE ATT&CK T1496"
  strings:
    $kill = /\b(pkill|killall|kill)[ \t]{1,4}(-[a-zA-Z0-9]{1,8}[ \t]{1,4}){0,3}["']?(xmrig|xmr-stak|minerd|kdevtmpfsi|kinsing|cryptonight|sysrv|kthreaddi|watchbog|ddgs|sustes|networkservice|sysguard|xmrigDaemon|minergate|stratum)/
    $grep = /grep[ \t]{1,4}(-v[ \t]{1,4}grep[ \t]{0,4}\|[ \t]{0,4}grep[ \t]{1,4})?["']?(xmrig|minerd|kdevtmpfsi|kinsing|cryptonight|stratum|:3333|:4444|:5555|:7777|:14444)["']?[^\n]{0,80}(xargs|kill)/
  condition:
    filesize < 1MB and (#kill > 2 or #grep > 2 or (#kill > 1 and #grep > 1))
}
