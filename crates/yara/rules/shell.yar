// Reverse shells: scripts that connect to somebody and hand them a shell. Each rule has examples in shell.toml.

rule reverse_shell_bash_socket {
  meta:
    description = "a shell's input and output are connected to an address by /dev/tcp"
    sas_level = "serious"
    sas_type = "Backdoor"
    kinds = "script startup temporary web config php"
    reference = "MITRE ATT&CK T1059.004"
  strings:
    $redirect = /(sh|bash|zsh)[ \t]{1,4}-i[ \t]{0,4}(>|&>|>&|<>|[0-9]>)[^\n]{0,12}\/dev\/(tcp|udp)\/[^\s\/]{1,80}\/[^\s]{1,20}/
    $exec = /\bexec[ \t]{1,4}[0-9]{1,3}<>[ \t]{0,2}\/dev\/(tcp|udp)\/[^\s\/]{1,80}\/[^\s;]{1,20}/
    $uses = /sh[ \t]{0,4}(-i[ \t]{0,4})?<&[0-9]/
    $reads = /(while[ \t]{1,4}read[^\n]{1,40}|cat[ \t]{0,4})<&[0-9]/
    $passes = /<&[0-9][0-9]{0,2}[ \t]{0,4}(>|\|)/
    $swapped = /0<&[0-9]{1,3}[ \t]{0,2}-?;[ \t]{0,4}exec[ \t]{1,4}[0-9]{1,3}<>\/dev\/(tcp|udp)\//
  condition:
    filesize < 1MB and ($redirect or ($exec and ($uses or $reads or $passes)) or $swapped)
}

rule reverse_shell_netcat {
  meta:
    description = "netcat or socat hands a shell to an address"
    sas_level = "serious"
    sas_type = "Backdoor"
    kinds = "script startup temporary web config php"
    reference = "MITRE ATT&CK T1059.004"
  strings:
    $execute = /\b(nc|ncat|netcat|nc\.traditional|nc\.openbsd)[ \t][ \t]{0,3}([^\n|;&"']{0,60}[ \t])?(-[a-z]{0,6}e|-c|--exec|--sh-exec)[ \t]{1,4}["']?(\/[a-z\/]{0,16}\/)?(ba|z|da|k)?sh\b/
    $fifo = /\bmkfifo[ \t]{1,4}[^\s;]{1,60}[^\n]{0,60}\|[ \t]{0,4}(\/bin\/)?(ba|z|da)?sh[ \t]{1,4}(-i)?[^\n]{0,40}\|[ \t]{0,4}(nc|ncat|netcat|telnet|openssl[ \t]{1,4}s_client)\b/
    $socat = /\bsocat\b[^\n]{0,120}\b(exec|system):["']?[^\s,"']{0,20}(ba|z|da)?sh\b[^\n]{0,80}\b(tcp|openssl|udp)[46]?(-connect)?:/ nocase
    $socat_back = /\bsocat\b[^\n]{0,80}\b(tcp|openssl|udp)[46]?(-connect)?:[^\s]{1,80}[^\n]{0,40}\b(exec|system):["']?[^\s,"']{0,20}(ba|z|da)?sh\b/ nocase
  condition:
    filesize < 1MB and any of them
}

rule reverse_shell_python {
  meta:
    description = "Python connects to an address and hands it a shell"
    sas_level = "serious"
    sas_type = "Backdoor"
    kinds = "script startup temporary web config"
    reference = "MITRE ATT&CK T1059.006"
  strings:
    $socket = /socket\.socket[ \t]{0,4}\(/
    $connect = /\.connect[ \t]{0,4}\([ \t]{0,4}\(/
    $duplicate = /os\.dup2[ \t]{0,4}\([ \t]{0,4}[a-zA-Z_]{1,20}\.fileno[ \t]{0,4}\([ \t]{0,4}\)[ \t]{0,4},[ \t]{0,4}0[ \t]{0,4}\)/
    $shell = /(pty\.spawn|subprocess\.(call|run|Popen|check_call)|os\.(system|execl|execve|popen))[ \t]{0,4}\([ \t]{0,4}\[?[ \t]{0,4}["'](\/bin\/)?(ba|z|da)?sh\b/
  condition:
    filesize < 1MB and $socket and $connect and $duplicate and $shell
}

rule reverse_shell_perl_or_ruby {
  meta:
    description = "Perl or Ruby connects to an address and hands it a shell"
    sas_level = "serious"
    sas_type = "Backdoor"
    kinds = "script startup temporary web config"
    reference = "MITRE ATT&CK T1059"
  strings:
    $perl = /open[ \t]{0,4}\(?[ \t]{0,4}STDIN[ \t]{0,4},[ \t]{0,4}["']<?>&[A-Z]{1,8}["']/
    $perl_shell = /(exec|system)[ \t]{0,4}[\(\{]?[ \t]{0,4}["']\/bin\/(ba|z|da)?sh([ \t]{1,4}-i)?["']/
    $perl_socket = /(connect[ \t]{0,4}\(|IO::Socket::INET)/
    $ruby = /TCPSocket\.(new|open)[ \t]{0,4}\(?[^\n]{0,160}(exec[ \t]{1,4}sprintf|IO\.popen|\$stdin\.reopen|exec[ \t]{0,4}\(?[ \t]{0,4}["']\/bin\/(ba)?sh)/
  condition:
    filesize < 1MB and (($perl and $perl_shell and $perl_socket) or $ruby)
}

rule reverse_shell_php_socket {
  meta:
    description = "PHP connects to an address and hands it a shell"
    sas_level = "serious"
    sas_type = "Backdoor"
    kinds = "php script web temporary startup"
    reference = "MITRE ATT&CK T1059"
  strings:
    $socket = /\b(fsockopen|pfsockopen|stream_socket_client|socket_connect)[ \t]{0,4}\(/ nocase
    $shell = /\b(exec|shell_exec|system|passthru|popen|proc_open)[ \t]{0,4}\([ \t]{0,4}["'](\/bin\/)?(ba|z|da)?sh([ \t]{1,4}-i)?([ \t]{0,4}<&[0-9])?/ nocase
    $assigned = /\$shell[ \t]{0,4}=[ \t]{0,4}["'][^"'\n]{0,80}\/bin\/(ba)?sh[ \t]{1,4}-i["']/
    $opened = /\bproc_open[ \t]{0,4}\([ \t]{0,4}\$shell\b/
  condition:
    filesize < 1MB and $socket and ($shell or ($assigned and $opened))
}

rule reverse_shell_node {
  meta:
    description = "JavaScript connects to an address and hands it a shell"
    sas_level = "serious"
    sas_type = "Backdoor"
    kinds = "script temporary web"
    reference = "MITRE ATT&CK T1059.007"
  strings:
    $spawn = /\bspawn[ \t]{0,4}\([ \t]{0,4}["'](\/bin\/)?(ba|z|da)?sh["']/
    $pipe_in = /\.pipe[ \t]{0,4}\([ \t]{0,4}[a-zA-Z_]{1,20}\.stdin[ \t]{0,4}\)/
    $pipe_out = /\.stdout\.pipe[ \t]{0,4}\([ \t]{0,4}[a-zA-Z_]{1,20}[ \t]{0,4}\)/
    $connect = /(\.connect[ \t]{0,4}\([ \t]{0,4}[0-9]{1,5}[ \t]{0,4},|createConnection[ \t]{0,4}\(|new[ \t]{1,4}net\.Socket)/
  condition:
    filesize < 1MB and all of them
}

rule reverse_shell_powershell {
  meta:
    description = "PowerShell connects to an address and runs what comes back"
    sas_level = "serious"
    sas_type = "Backdoor"
    kinds = "script startup temporary web"
    reference = "MITRE ATT&CK T1059.001"
  strings:
    $client = /New-Object[ \t]{1,4}(System\.)?Net\.Sockets\.TCPClient[ \t]{0,4}\(/ nocase
    $stream = /\.GetStream[ \t]{0,4}\([ \t]{0,4}\)/ nocase
    $runs = /\b(iex|Invoke-Expression)\b/ nocase
  condition:
    filesize < 1MB and all of them
}
