// Web shells that are scripts. Examples: webshell_script.toml.

rule webshell_cgi_command_from_request {
  meta:
    description = "a CGI script runs a command that a request sends"
    sas_level = "serious"
    sas_type = "WebShell"
    kinds = "script web"
    reference = "MITRE ATT&CK T1505.003"
  strings:
    $perl = /\b(system|exec|qx)[ \t]{0,4}[\(\{]?[ \t]{0,4}\$?(q|cgi|query)?(->)?param[ \t]{0,4}\([ \t]{0,4}["'][a-z]{1,12}["'][ \t]{0,4}\)/ nocase
    $python = /\bos\.(popen|system)[ \t]{0,4}\([ \t]{0,4}(form|fs|cgi\.FieldStorage\(\))(\.getvalue|\.getfirst)?[ \t]{0,4}[\(\[][ \t]{0,4}["'][a-z]{1,12}["']/
    $shell = /\b(ev[a]l|sh[ \t]{1,2}-c|bash[ \t]{1,2}-c)[ \t]{1,4}["']?\$\{?(QUERY_STRING|HTTP_[A-Z_]{3,20})\b/
    $flask = /subprocess\.(check_output|run|Popen|getoutput)[ \t]{0,4}\([ \t]{0,4}request\.(args|form|values|headers|cookies|data)/
  condition:
    filesize < 1MB and any of them
}
