// The HTTP server that monitoring asks: libmicrohttpd on a thread of its own, GET and HEAD alone.  A storm of requests
// costs this thread, which gives way to the cores, and no more than its bounds: kConnectionsMax at one time and
// kConnectionsPerSecondMax of new ones on each socket; of each connection kConnectionBytesMax for a request's header,
// kConnectionMax of time and one answer.
#pragma once

#include <microhttpd.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "engine/base/network.h"
#include "engine/base/time.h"
#include "engine/io/platform.h"

namespace sluice::metrics {

inline constexpr unsigned kConnectionsMax = 32;
inline constexpr unsigned kConnectionsPerSecondMax = 50;
inline constexpr std::size_t kConnectionBytesMax = 16 * 1024;
inline constexpr Duration kConnectionMax = std::chrono::seconds(10);

struct HttpAnswer {
  unsigned status = 200;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::shared_ptr<const std::string> body;  // never null
};

struct HttpHandlers {
  // Of GET: path and header field Accept.  On the server's thread.
  std::function<HttpAnswer(std::string_view path, std::string_view accept)> answer;
  // Likewise, once a second or more often.
  std::function<void()> tick;
};

// Owned by the program.
class HttpServer {
 public:
  // `sockets` listen, and are the server's own from here on.  Clients have a loopback address, come by a UNIX socket,
  // or are in `allow`; others get no answer.  `clock` outlives the server.
  HttpServer(const std::vector<int>& sockets, std::vector<Network> allow, io::Clock& clock, HttpHandlers handlers);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The thread; once.  The error is a sentence.
  std::expected<void, std::string> start();
  // Ends it, and closes sockets and connections.
  void stop();

 private:
  struct Open {
    int socket = -1;
    Instant until;
  };
  static MHD_Result accept_policy(void* self, const sockaddr* address, socklen_t size);
  static void connection_changed(void* self, MHD_Connection* connection, void** context,
                                 MHD_ConnectionNotificationCode what);
  static MHD_Result handle(void* self, MHD_Connection* connection, const char* url, const char* method,
                           const char* version, const char* upload, std::size_t* upload_bytes, void** context);
  [[nodiscard]] bool admits(const sockaddr* address, socklen_t size);
  [[nodiscard]] HttpAnswer answer_to(MHD_Connection* connection, std::string_view url, std::string_view method) const;
  void run();
  void wait();
  void end_overdue();

  const std::vector<Network> allow_;
  io::Clock& clock_;
  const HttpHandlers handlers_;
  int wake_ = -1;              // eventfd
  std::vector<int> unserved_;  // sockets, until start()
  std::vector<MHD_Daemon*> daemons_;
  std::map<MHD_Connection*, Open> open_;
  Instant second_;         // in which `admitted_` is counted
  unsigned admitted_ = 0;  // connections
  Instant ticked_;
  std::thread thread_;
};

}  // namespace sluice::metrics
