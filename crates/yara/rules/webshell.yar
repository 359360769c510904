// Web shells: pages that run what a request sends. Matched as text of PHP, JSP and ASP pages and of what lies where web servers
// serve from; scripts are in webshell_script.yar. Each rule has examples in webshell.toml; see docs/malware.md.

rule webshell_php_request_executed {
  meta:
    description = "a PHP page runs code or a command that a request sends"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "php web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $direct = /\b(ev[a]l|assert|system|passthru|shell_exec|popen|proc_open|pcntl_exec|exec)[ \t]{0,8}\([ \t]{0,8}@?(base64_decode|stripslashes|urldecode|gzinflate|str_rot13|trim|html_entity_decode|rawurldecode|hex2bin|strrev)?[ \t]{0,8}\(?[ \t]{0,8}@?\$(_GET|_POST|_REQUEST|_COOKIE|_SERVER[ \t]{0,4}\[[ \t]{0,4}['"]HTTP_)/ nocase
    $backtick = /(echo|print|=|\()[ \t]{0,8}`[ \t]{0,4}\{?\$(_GET|_POST|_REQUEST|_COOKIE)\b/ nocase
  condition:
    filesize < 4MB and any of them
}

rule webshell_php_function_from_request {
  meta:
    description = "a PHP page calls a function whose name a request sends"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "php web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $call = /\$\{?["']?_(GET|POST|REQUEST|COOKIE)["']?\}?[ \t]{0,4}\[[^\]\n]{1,40}\][ \t]{0,4}\([ \t]{0,4}@?(base64_decode|stripslashes|urldecode)?[ \t]{0,4}\(?[ \t]{0,4}\$\{?["']?_(GET|POST|REQUEST|COOKIE)/ nocase
  condition:
    filesize < 4MB and $call
}

rule webshell_php_callback_from_request {
  meta:
    description = "a PHP page hands a function that a request names to something that calls it"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "php web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $first = /\b(call_user_func|call_user_func_array|array_map|register_shutdown_function|register_tick_function|forward_static_call)[ \t]{0,4}\([ \t]{0,4}@?\$_(GET|POST|REQUEST|COOKIE)[ \t]{0,4}\[/ nocase
    $second = /\b(array_filter|array_walk|array_reduce|usort|uasort|uksort|preg_replace_callback|iterator_apply|ob_start)[ \t]{0,4}\([^;\n]{0,200},[ \t]{0,4}@?\$_(GET|POST|REQUEST|COOKIE)[ \t]{0,4}\[[^\]\n]{1,40}\][ \t]{0,4}\)/ nocase
    $created = /\bcreate_function[ \t]{0,4}\([ \t]{0,4}['"][^'"\n]{0,40}['"][ \t]{0,4},[ \t]{0,4}@?(base64_decode[ \t]{0,4}\()?[ \t]{0,4}\$_(GET|POST|REQUEST|COOKIE)\b/ nocase
  condition:
    filesize < 4MB and any of them
}

rule webshell_php_decoded_and_run {
  meta:
    description = "a PHP page unpacks text in layers and runs it, as web shells hide themselves"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "php web"
    reference = "MITRE ATT&CK T1027"
  strings:
    $layers = /\b(ev[a]l|assert)[ \t]{0,8}\([ \t]{0,8}@?(gzinflate|gzuncompress|gzdecode|str_rot13|strrev|convert_uudecode|rawurldecode)[ \t]{0,8}\([ \t]{0,8}@?(base64_decode|str_rot13|gzinflate|strrev|hex2bin|convert_uudecode)[ \t]{0,8}\(/ nocase
    $blob = /\b(ev[a]l|assert)[ \t]{0,8}\([ \t]{0,8}@?base64_decode[ \t]{0,8}\([ \t]{0,8}["'][A-Za-z0-9+\/=]{200}/ nocase
  condition:
    filesize < 4MB and any of them
}

rule webshell_php_pattern_runs_code {
  meta:
    description = "a PHP page runs a request's text through a pattern that is evaluated"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "php web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $evaluated = /\bpreg_replace[ \t]{0,4}\([ \t]{0,4}["'](.)[^"'\n]{0,60}[\/|#~!@][a-z]{0,4}e[a-z]{0,4}["'][ \t]{0,4},[ \t]{0,4}@?(base64_decode[ \t]{0,4}\()?[ \t]{0,4}["']?\$?_?(\$_(GET|POST|REQUEST|COOKIE)|ev[a]l)/ nocase
    $mb = /\bmb_ereg_replace[ \t]{0,4}\([^;\n]{0,80}\$_(GET|POST|REQUEST|COOKIE)[^;\n]{0,80}["']e["'][ \t]{0,4}\)/ nocase
  condition:
    filesize < 4MB and any of them
}

rule webshell_php_writes_request_to_file {
  meta:
    description = "a PHP page writes what a request sends into a file that the request names"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "php web"
    reference = "MITRE ATT&CK T1105"
  strings:
    $put = /\bfile_put_contents[ \t]{0,4}\([ \t]{0,4}@?\$_(GET|POST|REQUEST|COOKIE)[ \t]{0,4}\[[^\]\n]{1,40}\][ \t]{0,4},[ \t]{0,4}@?(base64_decode|stripslashes|urldecode|gzinflate|hex2bin)?[ \t]{0,4}\(?[ \t]{0,4}@?\$_(GET|POST|REQUEST|COOKIE)/ nocase
    $fetch = /\bfile_put_contents[ \t]{0,4}\([^;\n]{1,80},[ \t]{0,4}@?file_get_contents[ \t]{0,4}\([ \t]{0,4}@?\$_(GET|POST|REQUEST|COOKIE)/ nocase
  condition:
    filesize < 4MB and any of them
}

rule webshell_php_names_put_together {
  meta:
    description = "a PHP page puts the names of dangerous functions together from pieces"
    sas_level = "suspicious"
    sas_type = "WebShell"
    kinds = "php web"
    reference = "MITRE ATT&CK T1027"
  strings:
    $chars = /chr[ \t]{0,2}\([ \t]{0,2}[0-9]{2,3}[ \t]{0,2}\)[ \t]{0,2}\.[ \t]{0,2}(chr[ \t]{0,2}\([ \t]{0,2}[0-9]{2,3}[ \t]{0,2}\)[ \t]{0,2}\.[ \t]{0,2}){7,63}/ nocase
    $split = /["'](ass["'][ \t]{0,2}\.[ \t]{0,2}["']ert|ev["'][ \t]{0,2}\.[ \t]{0,2}["']al|sys["'][ \t]{0,2}\.[ \t]{0,2}["']tem|shell_["'][ \t]{0,2}\.[ \t]{0,2}["']exec|base["'][ \t]{0,2}\.[ \t]{0,2}["']64_decode|bas["'][ \t]{0,2}\.[ \t]{0,2}["']e64_decode|create_["'][ \t]{0,2}\.[ \t]{0,2}["']function)["']/ nocase
    $request = /\$\{?["']?_(GET|POST|REQUEST|COOKIE)\b/ nocase
  condition:
    filesize < 1MB and $request and ($split or #chars > 1)
}

rule webshell_php_known_title {
  meta:
    description = "a PHP page bears the title of a web shell that is passed around"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "php web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $title = /<title>[^<\n]{0,60}(c99[ ]?shell|r57[ ]?shell|b374k|WSO [0-9]\.|IndoXploit|alfa[ -]?shell|mini[ ]?shell|p0wny@shell|Gecko[ ]?Shell|FilesMan)/ nocase
    $action = /\$(default_action|_POST\[['"]a['"]\])[ \t]{0,4}={1,2}[ \t]{0,4}['"]FilesMan['"]/
    $weevely = /\$[a-z]{1,4}[ \t]{0,2}=[ \t]{0,2}str_replace\(['"][a-zA-Z]{1,4}['"],['"]{2},['"][a-zA-Z]{0,4}c[a-zA-Z]{0,4}r[a-zA-Z]{0,4}e[a-zA-Z]{0,4}a[a-zA-Z]{0,4}t[a-zA-Z]{0,4}e[a-zA-Z]{0,4}_[a-zA-Z]{0,4}f/
  condition:
    filesize < 4MB and any of them
}

rule webshell_jsp_command_from_request {
  meta:
    description = "a Java server page runs a command that a request sends"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "jsp web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $direct = /getRuntime[ \t]{0,4}\([ \t]{0,4}\)[ \t]{0,4}\.[ \t]{0,4}exec[ \t]{0,4}\([^;\n]{0,120}request[ \t]{0,4}\.[ \t]{0,4}get(Parameter|Header)/
    $builder = /new[ \t]{1,4}ProcessBuilder[ \t]{0,4}\([^;\n]{0,160}request[ \t]{0,4}\.[ \t]{0,4}get(Parameter|Header)/
    $parameter = /String[ \t]{1,4}([a-zA-Z_]{1,20})[ \t]{0,4}=[ \t]{0,4}request[ \t]{0,4}\.[ \t]{0,4}get(Parameter|Header)[ \t]{0,4}\([ \t]{0,4}"(cmd|command|c|exec|x|pass|pwd)"/
    $runs = /getRuntime[ \t]{0,4}\([ \t]{0,4}\)[ \t]{0,4}\.[ \t]{0,4}exec[ \t]{0,4}\(/
    $page = "<%"
    $element = "<jsp:"
  condition:
    filesize < 2MB and ($page or $element) and ($direct or $builder or ($parameter and $runs))
}

rule webshell_jsp_class_from_request {
  meta:
    description = "a Java server page loads classes that a request sends, as Behinder and Godzilla do"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "jsp web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $loader = /extends[ \t]{1,4}ClassLoader\b/
    $define = /\bdefineClass[ \t]{0,4}\(/
    $request = /request[ \t]{0,4}\.[ \t]{0,4}get(Reader|InputStream|Parameter)[ \t]{0,4}\(/
    $session = /session[ \t]{0,4}\.[ \t]{0,4}(putValue|setAttribute)[ \t]{0,4}\(/
    $cipher = /Cipher[ \t]{0,4}\.[ \t]{0,4}getInstance[ \t]{0,4}\([ \t]{0,4}"AES/
    $base64 = /(BASE64Decoder|Base64[ \t]{0,4}\.[ \t]{0,4}getDecoder)/
    $page = "<%"
    $element = "<jsp:"
  condition:
    filesize < 1MB and ($page or $element) and $define and $request and ($loader or $session) and ($cipher or $base64)
}

rule webshell_jsp_script_from_request {
  meta:
    description = "a Java server page runs a script or an expression that a request sends"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "jsp web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $engine = /\.[ \t]{0,4}ev[a]l[ \t]{0,4}\([ \t]{0,4}request[ \t]{0,4}\.[ \t]{0,4}getParameter/
    $manager = "ScriptEngineManager"
    $expression = /ELProcessor[^;\n]{0,80}\.[ \t]{0,4}ev[a]l[ \t]{0,4}\([ \t]{0,4}request/
    $param = /\$\{[ \t]{0,4}param\.[a-z]{1,12}[ \t]{0,4}\.getClass[ \t]{0,4}\([ \t]{0,4}\)[ \t]{0,4}\.[ \t]{0,4}forName/
  condition:
    filesize < 1MB and (($engine and $manager) or $expression or $param)
}

rule webshell_aspnet_code_from_request {
  meta:
    description = "an ASP or ASP.NET page runs code that a request sends"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "asp web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $jscript = /\bev[a]l[ \t]{0,4}\([ \t]{0,4}(System\.Text\.Encoding[^;\n]{0,80})?Request[ \t]{0,4}(\.(Item|Form|QueryString))?[ \t]{0,4}[\[\(][ \t]{0,4}["'][^"'\n]{1,40}["'][ \t]{0,4}[\]\)]/ nocase
    $classic = /\b(execute|executeglobal|ev[a]l)[ \t]{0,4}\(?[ \t]{0,4}request[ \t]{0,4}(\.(form|querystring|cookies|item))?[ \t]{0,4}\([ \t]{0,4}["'][^"'\n]{1,40}["'][ \t]{0,4}\)/ nocase
    $assembly = /Assembly[ \t]{0,4}\.[ \t]{0,4}Load[ \t]{0,4}\([^;\n]{0,160}(Request|FromBase64String|Decrypt|TransformFinalBlock)/ nocase
    $request = /\bRequest[ \t]{0,4}[\.\[]/
    $page = "<%"
  condition:
    filesize < 2MB and $page and ($jscript or $classic or ($assembly and $request))
}

rule webshell_aspnet_process_from_request {
  meta:
    description = "an ASP.NET page starts a program that a request names"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "asp web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $start = /(Process\.Start|ProcessStartInfo)[ \t]{0,4}\(/ nocase
    $shell = /["'](cmd(\.exe)?|\/bin\/(ba)?sh|powershell(\.exe)?)["']/ nocase
    $arguments = /\.Arguments[ \t]{0,4}=[^;\n]{0,80}(Request|\.Text\b)/ nocase
    $wscript = /CreateObject[ \t]{0,4}\([ \t]{0,4}["']WScript\.Shell["'][ \t]{0,4}\)[^\n]{0,80}\.(exec|run)[^\n]{0,120}request/ nocase
    $page = "<%"
  condition:
    filesize < 2MB and $page and (($start and $shell and $arguments) or $wscript)
}

rule webshell_tunnel_page {
  meta:
    description = "a page that tunnels connections through a web server, as reGeorg does"
    sas_level = "serious"
    sas_type = "Proxytool"
    kinds = "php jsp asp web"
    reference = "MITRE ATT&CK T1090"
  strings:
    $says = "Georg says, 'All seems fine'"
    $status = "X-STATUS"
    $command = "X-CMD"
    $target = "X-TARGET"
  condition:
    filesize < 1MB and ($says or ($status and $command and $target))
}
