// C++: xmlrpc++ as its descendants keep it: HEADER is that of libxmlrpcpp-dev (0.7) or that of
// libflxmlrpc-dev (0.8), which count YEAR and MONTH in different ways.
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <stdexcept>
#include <string>

#include HEADER

using XmlRpc::XmlRpcClient;
using XmlRpc::XmlRpcValue;

static const char* SESSID = "0123456789abcdef0123456789abcdef";

static void call(const std::string& method, const XmlRpcValue& members)
{
    XmlRpcClient client(std::getenv("HOST"), std::atoi(std::getenv("PORT")),
                        std::getenv("ENDPOINT"));
    XmlRpcValue parameters, result;
    parameters[0] = members;
    if (!client.execute(("locstor." + method).c_str(), parameters, result)) {
        throw std::runtime_error(method + ": cannot execute XML-RPC method");
    }
}

static XmlRpcValue condition(const char* category, const char* comparison, XmlRpcValue value)
{
    XmlRpcValue members;
    members["cat"] = category;
    members["op"] = comparison;
    members["val"] = value;
    return members;
}

static void run()
{
    XmlRpcValue members;
    members["login"] = "root";
    members["pass"] = "Kő & <b>";
    call("authenticate", members);

    members.clear();
    members["dummy"] = 0; // as in the clients of the archive: there are no empty structs
    call("getVersion", members);

    struct tm since = {};
    since.tm_year = YEAR;
    since.tm_mon = MONTH;
    since.tm_mday = 2;
    since.tm_hour = 3;
    since.tm_min = 4;
    since.tm_sec = 5;
    XmlRpcValue criteria;
    criteria["filetype"] = "audioClip";
    criteria["operator"] = "and";
    criteria["conditions"][0] = condition("dc:title", "partial", "Ő & <");
    criteria["conditions"][1] = condition("ls:mtime", ">=", XmlRpcValue(&since));
    criteria["conditions"][2] = condition("dc:creator", "full", "");
    criteria["limit"] = 25;
    criteria["orderby"].setSize(0);
    criteria["desc"] = false;
    members.clear();
    members["sessid"] = SESSID;
    members["criteria"] = criteria;
    call("searchMetadata", members);

    members.clear();
    members["sessid"] = SESSID;
    members["key"] = "a key";
    members["value"] = "one \"1\"\n\n two\t<2> & 'Ő' %";
    call("savePref", members);

    members.clear();
    members["sessid"] = SESSID;
    members["key"] = "nothing";
    call("loadPref", members);
}

int main()
{
    try {
        run();
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
        return 1;
    }
    return 0;
}
