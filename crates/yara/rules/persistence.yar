// Scripts and start-up entries that bring something in and keep it there. Examples: persistence.toml.

rule startup_download_to_shell {
  meta:
    description = "what runs by itself downloads something and hands it to a shell"
    sas_level = "serious"
    sas_type = "MalScript"
    kinds = "startup"
    reference = "MITRE ATT&CK T1053.003"
  strings:
    $pipe = /\b(curl|wget|fetch|lwp-download|cdt|wd1|cd1)[ \t]{1,4}[^\n|#]{0,200}https?:\/\/[^\n|#]{3,200}\|[ \t]{0,4}(sudo[ \t]{1,4})?(\/[a-z\/]{0,16}\/)?(ba|z|da|k)?sh\b/
    $substitution = /\b(ba|z|da|k)?sh[ \t]{1,4}(-c[ \t]{1,4})?["']?(<\(|\$\(|`)[ \t]{0,4}(curl|wget)[ \t]{1,4}[^\n)]{3,200}/
    $python = /\b(curl|wget)[ \t]{1,4}[^\n|#]{3,240}\|[ \t]{0,4}(python[23]?|perl|php|base64[ \t]{1,4}(-d|-D|--decode)[ \t]{0,4}\|[ \t]{0,4}(ba)?sh)\b/
  condition:
    filesize < 1MB and any of them
}

rule startup_program_in_writable_folder {
  meta:
    description = "what runs by itself starts a program from a folder that anybody may write, or a hidden one"
    sas_level = "suspicious"
    sas_type = "MalScript"
    kinds = "startup"
    reference = "MITRE ATT&CK T1053.003"
  strings:
    $cron = /\n[ \t]{0,4}(@(reboot|hourly|daily)|([0-9*\/,-]{1,12}[ \t]{1,4}){5})[ \t]{0,4}([a-z_][a-z0-9_-]{0,31}[ \t]{1,4})?((ba)?sh[ \t]{1,4}|nohup[ \t]{1,4}|\/bin\/(ba)?sh[ \t]{1,4})?(\/tmp\/|\/var\/tmp\/|\/dev\/shm\/)[^\s;|&]{1,80}/
    $cron_first = /[ \t]{0,4}(@(reboot|hourly|daily)|([0-9*\/,-]{1,12}[ \t]{1,4}){5})[ \t]{0,4}([a-z_][a-z0-9_-]{0,31}[ \t]{1,4})?((ba)?sh[ \t]{1,4}|nohup[ \t]{1,4}|\/bin\/(ba)?sh[ \t]{1,4})?(\/tmp\/|\/var\/tmp\/|\/dev\/shm\/)[^\s;|&]{1,80}/
    $unit = /\nExec(Start|StartPre|Reload)[ \t]{0,4}=[ \t]{0,4}[-@+!:]{0,3}(\/bin\/(ba)?sh[ \t]{1,4}(-c[ \t]{1,4})?["']?)?(\/tmp\/|\/var\/tmp\/|\/dev\/shm\/)[^\s;|&]{1,80}/
    $nohup = /\bnohup[ \t]{1,4}(\/tmp\/|\/var\/tmp\/|\/dev\/shm\/|\/[^\s;|&]{0,60}\/\.[a-zA-Z0-9_-][a-zA-Z0-9_-]{0,39}\/)[^\s;|&]{1,80}[^\n]{0,60}&[ \t]{0,4}\)?[ \t]{0,4}/
    $subshell = /[\n \t;&|]\([ \t]{0,2}(\/tmp\/|\/var\/tmp\/|\/dev\/shm\/)[^\s;|&]{1,80}[^\n]{0,60}&[ \t]{0,4}\)?[ \t]{0,4}/
    $subshell_hidden = /[\n \t;&|](\(\/|\( \/|\(\t\/|\(  \/)(bin|dev|etc|home|lib|lib64|media|mnt|opt|root|run|sbin|srv|tmp|usr|var)[^\s;|&]{0,60}\/\.[a-zA-Z0-9_-][a-zA-Z0-9_-]{0,39}\/[^\s;|&]{1,80}[^\n]{0,60}&[ \t]{0,4}\)?[ \t]{0,4}/
  condition:
    filesize < 1MB and ($cron or $cron_first at 0 or $unit or for any of ($nohup, $subshell, $subshell_hidden) : (for any i in (1..#) : (@[i] + ![i] == filesize or uint8(@[i] + ![i]) == 10)))
}

rule script_decodes_and_runs {
  meta:
    description = "a script decodes a long text and hands it to a shell or interpreter"
    sas_level = "suspicious"
    sas_type = "MalScript"
    kinds = "script startup temporary web"
    reference = "MITRE ATT&CK T1027"
  strings:
    $shell = /\becho[ \t]{1,4}(-[en][ \t]{1,4})?["']?[A-Za-z0-9+\/=]{80,4000}["']?[ \t]{0,4}\|[ \t]{0,4}base64[ \t]{1,4}(-d|-D|--decode|-di)[ \t]{0,4}\|[ \t]{0,4}(sudo[ \t]{1,4})?(\/[a-z\/]{0,16}\/)?((ba|z|da|k)?sh|python[23]?|perl)\b/
    $here = /base64[ \t]{1,4}(-d|-D|--decode)[ \t]{0,4}<<<[ \t]{0,4}["']?[A-Za-z0-9+\/=]{80,4000}["']?[ \t]{0,4}\)?[ \t]{0,4}\|[ \t]{0,4}((ba|z|da|k)?sh|python[23]?|perl)\b/
    $python = /\bexec[ \t]{0,4}\([ \t]{0,4}(__import__[ \t]{0,4}\([ \t]{0,4}["'](base64|zlib|codecs|marshal)["'][ \t]{0,4}\)|base64|zlib|marshal)[ \t]{0,4}\.[ \t]{0,4}(b64decode|decompress|loads|b32decode)[ \t]{0,4}\([^\n]{0,120}["'][A-Za-z0-9+\/=]{80}/
  condition:
    filesize < 4MB and any of them
}

rule script_drops_programs {
  meta:
    description = "a script that fetches programs for every processor, runs them and removes them, as bots spread"
    sas_level = "serious"
    sas_type = "Downloader"
    kinds = "script startup temporary web"
    reference = "MITRE ATT&CK T1105"
  strings:
    $folder = /cd[ \t]{1,4}\/tmp[ \t]{0,4}\|\|[ \t]{0,4}cd[ \t]{1,4}\/(var\/run|mnt|root|var|dev\/shm)\b/
    $run = /\b(wget|curl|tftp|ftpget)[ \t]{1,4}[^\n;]{0,80}[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}[^\n;]{0,120};[^\n]{0,40}chmod[ \t]{1,4}(\+x|777|0777)[^\n]{1,80};[^\n]{0,10}\.?\/[^\n]{1,80}(;[^\n]{0,10}rm[ \t]{1,4}-r?f)?/
    $address = /\b(wget|curl)[ \t]{1,4}[^\n]{0,60}https?:\/\/[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(:[0-9]{2,5})?\/[^\s;|]{1,80}/
    $mode = /chmod[ \t]{1,4}(\+x|777|0777|a\+x)[ \t]{1,4}[^\n;]{1,80}/
    $remove = /rm[ \t][ \t]{0,3}-r?f[ \t]{1,4}[^\n;]{1,80}/
    $architecture = /\b(mips|mpsl|arm[4-7]|armv[4-7]|sh4|m68k|sparc|powerpc|i[3-6]86|x86_64)/
  condition:
    filesize < 1MB and (($folder and $address and $mode) or #run > 2 or (#address > 3 and $mode and $remove and #architecture > 3))
}

rule script_runs_temporary_download {
  meta:
    description = "a script puts a download from a bare address into a folder for temporary files and runs it"
    sas_level = "suspicious"
    sas_type = "Downloader"
    kinds = "script startup temporary web"
    reference = "MITRE ATT&CK T1105"
  strings:
    $fetch = /\b(wget|curl)[ \t]{1,4}[^\n]{0,80}https?:\/\/[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(:[0-9]{2,5})?\/[^\n]{1,120}(\/tmp\/|\/var\/tmp\/|\/dev\/shm\/)/
    $into = /(\/tmp\/|\/var\/tmp\/|\/dev\/shm\/)[^\s]{1,60}[ \t]{1,4}[^\n]{0,40}https?:\/\/[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(:[0-9]{2,5})?\//
    $mode = /chmod[ \t]{1,4}(\+x|[0-7]{0,1}7[0-7]{2}|a\+x|u\+x)[ \t]{1,4}["']?(\/tmp\/|\/var\/tmp\/|\/dev\/shm\/)/
  condition:
    filesize < 1MB and ($fetch or $into) and $mode
}

rule script_disables_protection {
  meta:
    description = "a script removes the protection that cloud providers and systems bring"
    sas_level = "serious"
    sas_type = "MalScript"
    kinds = "script startup temporary web"
    reference = "MITRE ATT&CK T1562.001"
  strings:
    $aegis = /(aegis|quartz)_uninstall\.sh|\/etc\/init\.d\/aegis[ \t]{1,4}(stop|uninstall)|(service|systemctl)[ \t]{1,4}(stop[ \t]{1,4})?aegis/
    $monitor = /(CmsGoAgent|cloudmonitor|aliyun-service|aliyun\.service|AliYunDun|AliSecGuard)[^\n]{0,60}(stop|uninstall|kill|disable|rm[ \t])|(stop|uninstall|kill|pkill|killall|disable|rm[ \t]{1,2}-r?f)[^\n]{0,60}(CmsGoAgent|cloudmonitor|aliyun-service|aliyun\.service|AliYunDun|AliSecGuard)/
    $qcloud = /\/usr\/local\/qcloud\/(stargate|YunJing|monitor)[^\n]{0,60}(uninst|stop)/
    $bcm = /\/opt\/bcm-agent[^\n]{0,40}uninstall|bcm-agent[ \t]{1,4}stop/
  condition:
    filesize < 1MB and ($aegis or $monitor or $qcloud or $bcm)
}

rule script_plants_login_key {
  meta:
    description = "a script adds a key of its own to root's authorized keys and makes the file unchangeable"
    sas_level = "serious"
    sas_type = "Backdoor"
    kinds = "script startup temporary web"
    reference = "MITRE ATT&CK T1098.004"
  strings:
    $key = /(ssh-(rsa|ed25519|dss)|ecdsa-sha2-nistp[0-9]{3})[ \t]{1,4}AAAA[A-Za-z0-9+\/=]{40,2000}[^\n]{0,120}>{1,2}[ \t]{0,4}[^\n]{0,60}authorized_keys/
    $file = /authorized_keys2?\b/
    $locked = /\bchattr[ \t]{1,4}(-R[ \t]{1,4})?[+=-][aiu]{1,3}[ \t]{1,4}[^\n]{0,80}(authorized_keys|\.ssh|\/etc\/(passwd|shadow|crontab|ld\.so\.preload)|\/var\/spool\/cron)/
  condition:
    filesize < 1MB and (($key and $locked) or ($file and $locked and $key)) 
}

rule script_escapes_container {
  meta:
    description = "a script that breaks out of its container onto the host"
    sas_level = "suspicious"
    sas_type = "Exploit"
    kinds = "script startup temporary web"
    reference = "MITRE ATT&CK T1611"
  strings:
    $release = "release_agent"
    $notify = "notify_on_release"
    $cgroup = /mount[ \t]{1,4}[^\n]{0,20}-t[ \t]{1,4}cgroup\b/
    $write = /echo[ \t]{1,4}[^\n]{1,80}>[ \t]{0,4}[^\n]{0,60}release_agent/
    $socket = /docker(\.sock)?[^\n]{0,80}(-v|--volume|--mount)[ =]["']?\/:\/[a-z]{1,12}[^\n]{0,120}chroot[ \t]{1,4}\/[a-z]{1,12}/
  condition:
    filesize < 1MB and (($write and $notify and ($release and $cgroup)) or $socket)
}

rule script_wipes_traces {
  meta:
    description = "a script that empties logs and history after doing its work"
    sas_level = "suspicious"
    sas_type = "MalScript"
    kinds = "script startup temporary web"
    reference = "MITRE ATT&CK T1070"
  strings:
    $log = /(>[ \t]{0,4}|cat[ \t]{1,4}\/dev\/null[ \t]{0,4}>[ \t]{0,4}|echo[ \t]{1,4}(-n[ \t]{1,4})?["']{0,2}[ \t]{0,4}>[ \t]{0,4}|rm[ \t]{1,4}-r?f[ \t]{1,4})\/var\/log\/(wtmp|btmp|secure|auth\.log|lastlog|messages|syslog|cron|maillog)\b/
    $history = /(history[ \t]{1,4}-c|unset[ \t]{1,4}HISTFILE|HISTFILE=\/dev\/null)/
    $history_file = /(>[ \t]{0,4}~?\/?[a-z]{0,8}\/?|rm[ \t]{1,4}-r?f[ \t]{1,4}[^\n]{0,30})\.bash_history/
  condition:
    filesize < 1MB and #log > 2 and ($history or $history_file)
}

rule preload_from_writable_folder {
  meta:
    description = "ld.so.preload or LD_PRELOAD names a library in a folder that anybody may write, or a hidden one"
    sas_level = "serious"
    sas_type = "Rootkit"
    kinds = "startup script temporary"
    reference = "MITRE ATT&CK T1574.006"
  strings:
    $variable = /\bLD_PRELOAD[ \t]{0,2}=[ \t]{0,2}["']?(\/tmp\/|\/var\/tmp\/|\/dev\/shm\/|\/[^\s"':]{0,80}\/\.[^\/\s.][^\s"':]{0,80})/
    $written = /(>>?|\btee\b[^\n]{0,20})[ \t]{0,4}\/etc\/ld\.so\.preload\b/
    $line = "/tmp/"
    $line_shared = "/dev/shm/"
    $line_hidden = /\/\.[a-zA-Z0-9_~-]/
  condition:
    filesize < 1MB and ($variable or $written or (filepath contains "etc/ld.so.preload" and any of ($line, $line_shared, $line_hidden)))
}
