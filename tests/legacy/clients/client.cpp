// C++: xmlrpc++ as ROS keeps it (libxmlrpcpp-dev), or as fldigi does (libflxmlrpc-dev), if HEADER is
// its; curl moves the bytes, as libcurl did in Studio.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>

#ifndef HEADER
#define HEADER <xmlrpcpp/XmlRpc.h>
#endif
#include HEADER

using XmlRpc::XmlRpcClient;
using XmlRpc::XmlRpcValue;

static std::string env(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}

static std::string contents(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

static void check(bool holds, const std::string& what)
{
    if (!holds) {
        throw std::runtime_error(what);
    }
}

static void replace(std::string& text, const std::string& from, const std::string& to)
{
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
}

// One client, and so one TCP connection, for each call.
static XmlRpcValue call(const std::string& method, const XmlRpcValue& members, int fault = 0)
{
    XmlRpcClient client(env("HOST").c_str(), std::atoi(env("PORT").c_str()),
                        env("ENDPOINT").c_str());
    XmlRpcValue parameters, result;
    parameters[0] = members;
    check(client.execute(("locstor." + method).c_str(), parameters, result),
          method + ": cannot execute XML-RPC method");
    if (client.isFault()) {
        check(int(result["faultCode"]) == fault,
              method + ": " + std::string(result["faultString"]));
    } else {
        check(fault == 0, method + ": no fault");
    }
    return result;
}

static void curl(const std::string& arguments)
{
    check(std::system(("curl -s -S -f " + arguments).c_str()) == 0, "curl " + arguments);
}

static void run()
{
    XmlRpcValue members;
    members["dummy"] = 0;
    std::string version = call("getVersion", members)["version"];
    check(!version.empty(), "version");

    members.clear();
    members["login"] = "root";
    members["pass"] = env("ARCHIVE_PASSWORD");
    std::string session = call("login", members)["sessid"];

    members.clear();
    members["sessid"] = session;
    members["metadata"] = contents(env("METADATA"));
    members["fname"] = "file:var/cpp.wav";
    members["chsum"] = "";
    XmlRpcValue upload = call("storeAudioClipOpen", members);
    curl("-T " + env("AUDIO") + " " + std::string(upload["url"]));
    members.clear();
    members["sessid"] = session;
    members["token"] = upload["token"];
    std::string gunid = call("storeAudioClipClose", members)["gunid"];

    XmlRpcValue condition, criteria;
    condition["cat"] = "dc:title";
    condition["op"] = "=";
    condition["val"] = env("TITLE");
    criteria["filetype"] = "audioClip";
    criteria["conditions"][0] = condition;
    members.clear();
    members["sessid"] = session;
    members["criteria"] = criteria;
    XmlRpcValue found = call("searchMetadata", members);
    check(int(found["cnt"]) == 1 && found["results"].size() == 1, "cnt");
    XmlRpcValue hit = found["results"][0];
    check(std::string(hit["gunid"]) == gunid, "another clip was found");
    check(std::string(hit["title"]) == env("TITLE"), "title");
    check(std::string(hit["type"]) == "audioclip", "type");

    members.clear();
    members["sessid"] = session;
    members["gunid"] = gunid;
    check(bool(call("existsAudioClip", members)["exists"]), "exists");
    XmlRpcValue lease = call("downloadRawAudioDataOpen", members);
    check(int(lease["size"]) > 0, "size");
    curl("-o " + env("OUT") + " " + std::string(lease["url"]));
    members["token"] = lease["token"];
    check(std::string(call("downloadRawAudioDataClose", members)["gunid"]) == gunid, "closed");

    members.clear();
    members["sessid"] = session;
    std::string playlist = call("createPlaylist", members)["plid"];
    members["plid"] = playlist;
    XmlRpcValue edit = call("editPlaylist", members);
    curl("-o /dev/null " + std::string(edit["url"]));
    std::string document = contents(env("PLAYLIST"));
    replace(document, "@PLID@", playlist);
    replace(document, "@GUNID@", gunid);
    members.clear();
    members["sessid"] = session;
    members["token"] = edit["token"];
    members["newPlaylist"] = document;
    check(std::string(call("savePlaylist", members)["plid"]) == playlist, "saved");
    members.clear();
    members["sessid"] = session;
    members["plid"] = playlist;
    members["recursive"] = true;
    XmlRpcValue opened = call("accessPlaylist", members);
    check(opened["content"].size() == 1, "content");
    members.clear();
    members["token"] = opened["token"];
    check(std::string(call("releasePlaylist", members)["plid"]) == playlist, "released");

    members.clear();
    members["sessid"] = session;
    check(bool(call("logout", members)["status"]), "status");
    call("logout", members, 803);
    std::cout << gunid << " " << playlist << std::endl;
}

int main()
{
    try {
        run();
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    } catch (const XmlRpc::XmlRpcException& error) {
        std::cerr << error.getMessage() << std::endl;
        return 1;
    }
    return 0;
}
