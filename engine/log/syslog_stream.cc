#include "engine/log/syslog_stream.h"

#include <curl/curl.h>
#include <poll.h>

#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/service_thread.h"

namespace sluice::log {
namespace {

constexpr long kConnectTimeoutMs = 10'000;
constexpr int kLookMs = 100;         // how soon a stop is noticed
constexpr int kStuckLooksMax = 300;  // looks without a byte sent, and the connection is given up
constexpr auto kConnectAgain = std::chrono::seconds(1);
constexpr int kTurnAgainMs = 1000;

int look_for_stop(void* stopping, curl_off_t /*down_all*/, curl_off_t /*down*/, curl_off_t /*up_all*/,
                  curl_off_t /*up*/) {
  return static_cast<const std::atomic<bool>*>(stopping)->load() ? 1 : 0;
}

}  // namespace

// One connection.  Its functions return what went wrong; nothing, if nothing did.
class SyslogStream::Connection {
 public:
  explicit Connection(std::atomic<bool>& stopping) : stopping_(stopping), handle_(curl_easy_init()) {
    CHECK(handle_ != nullptr);
  }
  ~Connection() { curl_easy_cleanup(handle_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::string open(const Options& options) {
    const std::string url = (options.server.tls ? "https://" : "http://") + options.server.host_port + "/";
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_CONNECT_ONLY, 1L);  // from then on the bytes are ours, within TLS where there is TLS
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_SSL_ENABLE_ALPN, 0L);
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    if (!options.ca_file.empty()) {
      set(CURLOPT_CAINFO, options.ca_file.c_str());
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &look_for_stop);
    set(CURLOPT_XFERINFODATA, static_cast<void*>(&stopping_));
    if (const CURLcode code = curl_easy_perform(handle_); code != CURLE_OK) return words(code);
    if (curl_easy_getinfo(handle_, CURLINFO_ACTIVESOCKET, &socket_) != CURLE_OK || socket_ == CURL_SOCKET_BAD)
      return "there is no connection";
    return {};
  }

  std::string send(std::string_view bytes) {
    if (closed()) return "the server has closed the connection";
    for (int looks = 0; !bytes.empty();) {
      std::size_t size = 0;
      const CURLcode code = curl_easy_send(handle_, bytes.data(), bytes.size(), &size);
      if (code == CURLE_OK) {
        bytes.remove_prefix(size);
        looks = 0;
        continue;
      }
      if (code != CURLE_AGAIN) return words(code);
      if (stopping_.load() || ++looks > kStuckLooksMax) return "the server takes nothing";
      pollfd writable{.fd = socket_, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, kLookMs);
    }
    return {};
  }

 private:
  // A server says nothing: what comes from it is its end, or is dropped.
  bool closed() {
    std::array<char, 256> bytes;
    std::size_t size = 0;
    CURLcode code = CURLE_OK;
    while ((code = curl_easy_recv(handle_, bytes.data(), bytes.size(), &size)) == CURLE_OK && size > 0) continue;
    return code != CURLE_AGAIN;
  }
  [[nodiscard]] std::string words(CURLcode code) const {
    return error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
  }
  template <typename Value>
  void set(CURLoption option, Value value) {
    CHECK(curl_easy_setopt(handle_, option, value) == CURLE_OK);
  }

  std::atomic<bool>& stopping_;
  CURL* handle_;
  curl_socket_t socket_ = CURL_SOCKET_BAD;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

SyslogStream::SyslogStream(Options options) : options_(std::move(options)) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(started == CURLE_OK);
  thread_ = io::start_service_thread("sluice-syslog", [this] { run(); });
}

SyslogStream::~SyslogStream() {
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true);
  }
  changed_.notify_all();
  thread_.join();
}

void SyslogStream::add(std::string message) {
  {
    const std::lock_guard lock(mutex_);
    if (messages_.size() >= options_.messages_max) {
      lost_.fetch_add(1);
      return;
    }
    messages_.push_back(std::move(message));
  }
  changed_.notify_all();
}

event::Rest SyslogStream::turn(Instant /*now*/) {
  const std::lock_guard lock(mutex_);
  if (messages_.empty()) return {};
  return {.pending = true, .timeout_ms = kTurnAgainMs};
}

std::string SyslogStream::lost_reason() const {
  const std::lock_guard lock(mutex_);
  return failure_.empty() ? "its queue is full" : failure_;
}

// False: it is to end.
bool SyslogStream::wait_for_message(std::string& message) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_.load() || !messages_.empty(); });
  if (stopping_.load()) return false;
  message = messages_.front();  // it stays until it is sent
  return true;
}

void SyslogStream::sent() {
  const std::lock_guard lock(mutex_);
  messages_.pop_front();
  failure_.clear();
}

void SyslogStream::failed(std::string why) {
  std::unique_lock lock(mutex_);
  failure_ = std::move(why);
  changed_.wait_for(lock, kConnectAgain, [this] { return stopping_.load(); });
}

void SyslogStream::run() {
  std::unique_ptr<Connection> connection;
  for (std::string message; wait_for_message(message);) {
    std::string failure;
    if (connection == nullptr) {
      connection = std::make_unique<Connection>(stopping_);
      failure = connection->open(options_);
    }
    if (failure.empty()) failure = connection->send(std::to_string(message.size()) + " " + message);
    if (failure.empty()) {
      sent();
    } else {
      connection = nullptr;
      failed(std::move(failure));
    }
  }
}

}  // namespace sluice::log
