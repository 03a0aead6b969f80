#include "engine/metrics/http_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/address.h"
#include "engine/io/service_thread.h"

namespace sluice::metrics {
namespace {

constexpr Duration kTick = std::chrono::seconds(1);
constexpr int kNice = 10;  // about a tenth of a core's weight, where CPU is short

std::shared_ptr<const std::string> body(std::string_view text) { return std::make_shared<const std::string>(text); }

void free_body(void* held) { delete static_cast<std::shared_ptr<const std::string>*>(held); }

// One answer a connection, so that none waits for the next request in a place that another one wants.
MHD_Result queue_answer(MHD_Connection* connection, const HttpAnswer& answer) {
  auto* held = new std::shared_ptr<const std::string>(answer.body);
  MHD_Response* const response = MHD_create_response_from_buffer_with_free_callback_cls(
      (*held)->size(), const_cast<char*>((*held)->data()), &free_body, held);
  if (response == nullptr) {
    free_body(held);
    return MHD_NO;
  }
  const std::string type(answer.content_type);
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type.c_str());
  MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
  MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
  if (answer.status == MHD_HTTP_METHOD_NOT_ALLOWED)
    MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
  const MHD_Result queued = MHD_queue_response(connection, answer.status, response);
  MHD_destroy_response(response);
  return queued;
}

}  // namespace

HttpServer::HttpServer(const std::vector<int>& sockets, std::vector<Network> allow, io::Clock& clock,
                       HttpHandlers handlers)
    : allow_(std::move(allow)),
      clock_(clock),
      handlers_(std::move(handlers)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      unserved_(sockets) {
  CHECK(wake_ >= 0);
}

HttpServer::~HttpServer() {
  stop();
  for (const int socket : unserved_) ::close(socket);
  ::close(wake_);
}

std::expected<void, std::string> HttpServer::start() {
  CHECK(daemons_.empty());
  for (; !unserved_.empty(); unserved_.pop_back()) {
    // Without an event loop of its own: so time is ours to bound.
    MHD_Daemon* const daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, &accept_policy, this, &handle, this, MHD_OPTION_LISTEN_SOCKET, unserved_.back(),
        MHD_OPTION_CONNECTION_LIMIT, kConnectionsMax, MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionBytesMax,
        MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(kConnectionMax / std::chrono::seconds(1)),
        MHD_OPTION_NOTIFY_CONNECTION, &connection_changed, this, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (daemon == nullptr) return std::unexpected(std::string("cannot be served: ") + std::strerror(errno));
    daemons_.push_back(daemon);
  }
  thread_ = io::start_service_thread("sluice-metrics", [this] { run(); });
  return {};
}

void HttpServer::stop() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
    thread_.join();
  }
  for (MHD_Daemon* daemon : std::exchange(daemons_, {})) MHD_stop_daemon(daemon);
}

void HttpServer::run() {
  // Of Linux: this thread's alone.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  std::uint64_t count = 0;
  while (::read(wake_, &count, sizeof count) < 0) {
    if (const Instant now = clock_.now(); now - ticked_ >= kTick) {
      ticked_ = now;
      handlers_.tick();
    }
    end_overdue();
    for (MHD_Daemon* daemon : daemons_) MHD_run(daemon);
    wait();
  }
}

void HttpServer::wait() {
  std::vector<pollfd> ready{{.fd = wake_, .events = POLLIN, .revents = 0}};
  auto timeout_ms = static_cast<MHD_UNSIGNED_LONG_LONG>(kTick / std::chrono::milliseconds(1));
  for (MHD_Daemon* daemon : daemons_) {
    const MHD_DaemonInfo* const info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    ready.push_back({.fd = info->epoll_fd, .events = POLLIN, .revents = 0});
    MHD_UNSIGNED_LONG_LONG wanted_ms = 0;
    if (MHD_get_timeout(daemon, &wanted_ms) == MHD_YES) timeout_ms = std::min(timeout_ms, wanted_ms);
  }
  ::poll(ready.data(), ready.size(), static_cast<int>(timeout_ms));
}

// Whatever they are at: a request that comes byte by byte, an answer that is not read.
void HttpServer::end_overdue() {
  const Instant now = clock_.now();
  for (const auto& [connection, open] : open_)
    if (now >= open.until) ::shutdown(open.socket, SHUT_RDWR);
}

MHD_Result HttpServer::accept_policy(void* self, const sockaddr* address, socklen_t size) {
  return static_cast<HttpServer*>(self)->admits(address, size) ? MHD_YES : MHD_NO;
}

bool HttpServer::admits(const sockaddr* address, socklen_t size) {
  const Instant now = clock_.now();
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    admitted_ = 0;
  }
  if (admitted_ >= kConnectionsPerSecondMax) return false;
  const bool local = address == nullptr || size < sizeof(sa_family_t) || address->sa_family == AF_UNIX;
  if (!local) {
    const io::Address peer = io::Address::from_sockaddr(address, size);
    const auto is_in = [&peer](const Network& network) { return network.contains(peer.ip_bytes()); };
    if (!peer.is_loopback() && std::ranges::none_of(allow_, is_in)) return false;
  }
  ++admitted_;
  return true;
}

void HttpServer::connection_changed(void* self, MHD_Connection* connection, void** /*context*/,
                                    MHD_ConnectionNotificationCode what) {
  auto& server = *static_cast<HttpServer*>(self);
  if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
    server.open_.erase(connection);
    return;
  }
  const MHD_ConnectionInfo* const info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  if (info != nullptr)
    server.open_[connection] = {.socket = info->connect_fd, .until = later(server.clock_.now(), kConnectionMax)};
}

MHD_Result HttpServer::handle(void* self, MHD_Connection* connection, const char* url, const char* method,
                              const char* /*version*/, const char* /*upload*/, std::size_t* /*upload_bytes*/,
                              void** /*context*/) {
  return queue_answer(connection, static_cast<HttpServer*>(self)->answer_to(connection, url, method));
}

HttpAnswer HttpServer::answer_to(MHD_Connection* connection, std::string_view url, std::string_view method) const {
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD)
    return {.status = MHD_HTTP_METHOD_NOT_ALLOWED, .body = body("GET and HEAD only\n")};
  const char* const accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
  return handlers_.answer(url, accept != nullptr ? accept : "");
}

}  // namespace sluice::metrics
