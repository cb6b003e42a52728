/* C: the library of xmlrpc-c (libxmlrpc-core-c3-dev); curl moves the bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xmlrpc-c/base.h>
#include <xmlrpc-c/client.h>

static xmlrpc_env env;

static void check(int holds, const char* what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static void check_env(const char* what)
{
    if (env.fault_occurred) {
        fprintf(stderr, "%s: %d %s\n", what, env.fault_code, env.fault_string);
        exit(1);
    }
}

static char* contents(const char* path)
{
    static char text[65536];
    FILE* file = fopen(path, "rb");
    check(file != NULL, path);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* What is to be sent is one struct, `members`, which is given up. */
static xmlrpc_value* call(const char* method, xmlrpc_value* members)
{
    char name[100];
    snprintf(name, sizeof name, "locstor.%s", method);
    xmlrpc_value* result = xmlrpc_client_call(&env, getenv("ARCHIVE_URL"), name, "(V)", members);
    xmlrpc_DECREF(members);
    return result;
}

static xmlrpc_value* build(const char* first, const char* value)
{
    return xmlrpc_build_value(&env, "{s:s}", first, value);
}

static void add(xmlrpc_value* members, const char* name, const char* value)
{
    xmlrpc_value* text = xmlrpc_string_new(&env, value);
    xmlrpc_struct_set_value(&env, members, name, text);
    xmlrpc_DECREF(text);
    check_env(name);
}

/* A string of a struct; whoever asks keeps it to the end of the program. */
static const char* member(xmlrpc_value* structure, const char* name)
{
    xmlrpc_value* value;
    const char* text;
    check_env(name);
    xmlrpc_struct_find_value(&env, structure, name, &value);
    check(!env.fault_occurred && value != NULL, name);
    xmlrpc_read_string(&env, value, &text);
    check_env(name);
    return text;
}

static void curl(const char* option, const char* file, const char* url)
{
    char command[4096];
    snprintf(command, sizeof command, "curl -s -S -f %s %s %s", option, file, url);
    check(system(command) == 0, command);
}

static void fill_in(char* text, const char* place, const char* value)
{
    static char filled[65536];
    char* found = strstr(text, place);
    check(found != NULL, place);
    snprintf(filled, sizeof filled, "%.*s%s%s", (int)(found - text), text, value,
             found + strlen(place));
    strcpy(text, filled);
}

int main(void)
{
    xmlrpc_env_init(&env);
    xmlrpc_client_init2(&env, XMLRPC_CLIENT_NO_FLAGS, "archive-test", "1", NULL, 0);
    check_env("xmlrpc_client_init2");

    xmlrpc_value* members = build("login", "root");
    add(members, "pass", getenv("ARCHIVE_PASSWORD"));
    const char* session = member(call("login", members), "sessid");

    members = build("sessid", session);
    add(members, "gunid", "");
    add(members, "metadata", contents(getenv("METADATA")));
    add(members, "fname", "xmlrpc-c.wav");
    add(members, "chsum", "");
    xmlrpc_value* upload = call("storeAudioClipOpen", members);
    curl("-T", getenv("AUDIO"), member(upload, "url"));
    members = build("sessid", session);
    add(members, "token", member(upload, "token"));
    const char* gunid = member(call("storeAudioClipClose", members), "gunid");

    xmlrpc_value* found = call(
        "searchMetadata",
        xmlrpc_build_value(&env, "{s:s,s:{s:s,s:s,s:({s:s,s:s,s:s})}}", "sessid", session,
                           "criteria", "filetype", "audioclip", "operator", "and", "conditions",
                           "cat", "dc:title", "op", "=", "val", getenv("TITLE")));
    check_env("searchMetadata");
    xmlrpc_int count;
    xmlrpc_value* results;
    xmlrpc_decompose_value(&env, found, "{s:i,s:A,*}", "cnt", &count, "results", &results);
    check_env("cnt and results");
    check(count == 1 && xmlrpc_array_size(&env, results) == 1, "cnt");
    xmlrpc_value* hit;
    xmlrpc_array_read_item(&env, results, 0, &hit);
    check(strcmp(member(hit, "gunid"), gunid) == 0, "another clip was found");
    check(strcmp(member(hit, "title"), getenv("TITLE")) == 0, "title");

    members = build("sessid", session);
    add(members, "gunid", gunid);
    xmlrpc_value* lease = call("downloadRawAudioDataOpen", members);
    curl("-o", getenv("OUT"), member(lease, "url"));
    members = build("sessid", session);
    add(members, "token", member(lease, "token"));
    check(strcmp(member(call("downloadRawAudioDataClose", members), "gunid"), gunid) == 0,
          "another clip was closed");

    const char* playlist = member(call("createPlaylist", build("sessid", session)), "plid");
    members = build("sessid", session);
    add(members, "plid", playlist);
    xmlrpc_value* edit = call("editPlaylist", members);
    curl("-o", "/dev/null", member(edit, "url"));
    char* document = contents(getenv("PLAYLIST"));
    fill_in(document, "@PLID@", playlist);
    fill_in(document, "@GUNID@", gunid);
    members = build("sessid", session);
    add(members, "token", member(edit, "token"));
    add(members, "newPlaylist", document);
    check(strcmp(member(call("savePlaylist", members), "plid"), playlist) == 0, "saved");
    xmlrpc_value* opened = call(
        "accessPlaylist", xmlrpc_build_value(&env, "{s:s,s:s,s:b}", "sessid", session, "plid",
                                             playlist, "recursive", (xmlrpc_bool)1));
    xmlrpc_value* content;
    check_env("accessPlaylist");
    xmlrpc_struct_find_value(&env, opened, "content", &content);
    check(content != NULL && xmlrpc_array_size(&env, content) == 1, "content");
    members = build("token", member(opened, "token"));
    check(strcmp(member(call("releasePlaylist", members), "plid"), playlist) == 0, "released");

    call("logout", build("sessid", session));
    check_env("logout");
    call("logout", build("sessid", session));
    check(env.fault_occurred && env.fault_code == 803, "a second logout");
    printf("%s %s\n", gunid, playlist);
    return 0;
}
