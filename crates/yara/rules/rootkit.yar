// Rootkits, preloaded libraries, backdoors and ransomware as programs of Linux. Examples: rootkit.toml.

rule rootkit_hides_processes {
  meta:
    description = "a library that hides processes or files from tools by standing in front of readdir"
    sas_level = "serious"
    sas_type = "Rootkit"
    kinds = "elf"
    reference = "MITRE ATT&CK T1014"
  strings:
    $filter = "process_to_filter"
    $self_fd = "/proc/self/fd/%d"
    $stat = "/proc/%s/stat"
    $name = "(%[^)]s"
    $readdir = "readdir64"
    $next = "dlsym"
  condition:
    $readdir and $next and $self_fd and ($filter or ($stat and $name))
}

rule rootkit_preload_library {
  meta:
    description = "a library that is made to be preloaded into every program, and hides that it is"
    sas_level = "serious"
    sas_type = "Rootkit"
    kinds = "elf"
    reference = "MITRE ATT&CK T1574.006"
  strings:
    $preload = "/etc/ld.so.preload"
    $maps = "/proc/self/maps"
    $tcp = "/proc/net/tcp"
    $hook_readdir = "readdir64"
    $hook_accept = "accept"
    $hook_pam = "pam_authenticate"
    $hook_fopen = "fopen64"
    $hook_lstat = "__lxstat64"
    $hook_exec = "execve"
    $real = "dlsym"
  condition:
    $preload and $real and ($tcp or $maps) and $hook_readdir and 2 of ($hook_accept, $hook_pam, $hook_fopen, $hook_lstat, $hook_exec) and filesize < 2MB and uint16(16) == 3
}

rule rootkit_known_name {
  meta:
    description = "names that belong to known rootkits of Linux"
    sas_level = "serious"
    sas_type = "Rootkit"
    kinds = "elf"
    reference = "MITRE ATT&CK T1014"
  strings:
    $diamorphine = "diamorphine_secret"
    $diamorphine_init = "diamorphine_init"
    $reptile = "reptile_module"
    $reptile_magic = "REPTILE_MAGIC"
    $azazel = "azazel_init"
    $jynx = "jynxkit"
    $beurk = "BEURK_LIBRARY"
    $vlany = "vlany_"
    $bedevil = "bdvl_"
    $facefish = "/sbin/init facefish"
    $suterusu = "suterusu"
    $adore = "adore-ng"
    $knark = "knark_"
  condition:
    any of them
}

rule backdoor_xz_liblzma {
  meta:
    description = "the backdoor of xz 5.6.0 and 5.6.1 (CVE-2024-3094)"
    sas_level = "serious"
    sas_type = "Backdoor"
    kinds = "elf"
    reference = "CVE-2024-3094"
  strings:
    $entry = { f3 0f 1e fa 55 48 89 f5 4c 89 ce 53 89 fb 81 e7 00 00 00 80 48 83 ec 28 48 89 54 24 18 48 89 4c 24 10 }
  condition:
    $entry
}

rule backdoor_botnet_mirai {
  meta:
    description = "a bot of the Mirai family"
    sas_level = "serious"
    sas_type = "DDoS"
    kinds = "elf"
    reference = "MITRE ATT&CK T1498"
  strings:
    $busybox = /\/bin\/busybox [A-Z]{4,12}\x00/
    $applet = ": applet not found"
    $watchdog = "/dev/misc/watchdog"
    $watchdog2 = "/dev/watchdog"
    $xor = "LCOGQGPTGP"
    $cwmp = "POST /cdn-cgi/"
    $hnap = "HNAP1/"
    $scan = "enable\x00system\x00shell\x00sh\x00"
    $telnet = "ncorrect\x00"
  condition:
    $xor or ($busybox and 2 of ($applet, $watchdog, $watchdog2, $telnet)) or ($scan and any of ($busybox, $watchdog, $watchdog2)) or ($cwmp and $hnap)
}

rule backdoor_program_shell_listener {
  meta:
    description = "a program that hands a shell to whoever connects, and names itself so"
    sas_level = "suspicious"
    sas_type = "Backdoor"
    kinds = "elf"
    reference = "MITRE ATT&CK T1059.004"
  strings:
    $tsh = "TSH_MAGIC"
    $prism = "I'm not a l33t h4x0r"
    $icmp = "icmpsh" fullword
    $sbd = "sbd 1.3"
    $dns = "dnscat2"
    $msf = "mettle -U"
    $meterpreter = "metsrv.x86"
    $sliver = "bishopfox/sliver"
    $merlin = "Ne0nd0g/merlin"
  condition:
    any of them
}

rule ransomware_note_in_program {
  meta:
    description = "a program that carries a ransom note"
    sas_level = "serious"
    sas_type = "RansomWare"
    kinds = "elf"
    reference = "MITRE ATT&CK T1486"
  strings:
    $files = /(all )?(of )?your (important )?(files|data|documents|network)[^\x00\n]{0,60}(encrypted|locked|stolen)/ nocase
    $onion = /[a-z2-7]{16,56}\.onion/
    $decrypt = /(decrypt(ion)? (tool|key|software)|restore your (files|data)|pay (the|us)|bitcoin)/ nocase
    $suffix = ".vmdk"
  condition:
    $files and $decrypt and ($onion or $suffix)
}
