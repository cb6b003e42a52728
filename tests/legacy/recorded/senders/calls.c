/* C: the library of xmlrpc-c (libxmlrpc-core-c3-dev), over curl. */
#include <stdio.h>
#include <stdlib.h>

#include <xmlrpc-c/base.h>
#include <xmlrpc-c/client.h>

#define SESSID "0123456789abcdef0123456789abcdef"

static xmlrpc_env env;

static void call(const char* method, xmlrpc_value* members)
{
    if (!env.fault_occurred) {
        xmlrpc_client_call(&env, getenv("ARCHIVE_URL"), method, "(V)", members);
    }
    if (env.fault_occurred) {
        fprintf(stderr, "%s: %d %s\n", method, env.fault_code, env.fault_string);
        exit(1);
    }
}

int main(void)
{
    xmlrpc_env_init(&env);
    xmlrpc_client_init2(&env, XMLRPC_CLIENT_NO_FLAGS, "archive", "1", NULL, 0);
    call("locstor.authenticate",
         xmlrpc_build_value(&env, "{s:s,s:s}", "login", "root", "pass", "Kő & <b>"));
    call("locstor.getVersion", xmlrpc_struct_new(&env));
    xmlrpc_value* title = xmlrpc_build_value(
        &env, "{s:s,s:s,s:s}", "cat", "dc:title", "op", "partial", "val", "Ő & <");
    xmlrpc_value* since = xmlrpc_build_value(
        &env, "{s:s,s:s,s:8}", "cat", "ls:mtime", "op", ">=", "val", "20260102T03:04:05");
    xmlrpc_value* creator = xmlrpc_build_value(
        &env, "{s:s,s:s,s:s}", "cat", "dc:creator", "op", "full", "val", "");
    call("locstor.searchMetadata",
         xmlrpc_build_value(&env, "{s:s,s:{s:s,s:s,s:(VVV),s:i,s:(),s:b}}", "sessid", SESSID,
                            "criteria", "filetype", "audioClip", "operator", "and", "conditions",
                            title, since, creator, "limit", 25, "orderby", "desc", 0));
    call("locstor.savePref",
         xmlrpc_build_value(&env, "{s:s,s:s,s:s}", "sessid", SESSID, "key", "a key", "value",
                            "one \"1\"\n\n two\t<2> & 'Ő' %"));
    call("locstor.loadPref",
         xmlrpc_build_value(&env, "{s:s,s:s}", "sessid", SESSID, "key", "nothing"));
    return 0;
}
