#include "auth/oauth/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "auth/text.h"
#include "engine/base/check.h"
#include "engine/io/address.h"

namespace sluice::auth {
namespace {

constexpr long kOk = 200;
constexpr std::size_t kUrlBytesMax = 2048;

// Once in the process; libcurl wants it before its first handle.
void start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(started == CURLE_OK);
}

// As libcurl itself understands the URL, so that nothing is asked for that was not looked at.
class ParsedUrl {
 public:
  explicit ParsedUrl(const std::string& text) : url_(curl_url()) {
    CHECK(url_ != nullptr);
    good_ = curl_url_set(url_, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  }
  ~ParsedUrl() { curl_url_cleanup(url_); }
  ParsedUrl(const ParsedUrl&) = delete;
  ParsedUrl& operator=(const ParsedUrl&) = delete;

  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::optional<std::string> part(CURLUPart which) const {
    char* text = nullptr;
    if (curl_url_get(url_, which, &text, 0) != CURLUE_OK) return std::nullopt;
    std::string part(text);
    curl_free(text);
    return part;
  }

 private:
  CURLU* url_;
  bool good_ = false;
};

// "localhost" is a loopback address for libcurl, whatever a name server says.
bool is_loopback_host(std::string host) {
  if (host == "localhost") return true;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto address = io::Address::from_ip(host, 0);
  return address && address->is_loopback();
}

struct Received {
  std::string body;
  std::size_t bytes_max = 0;
  bool too_long = false;
};

std::size_t receive(char* bytes, std::size_t /*one*/, std::size_t size, void* to) {
  Received& received = *static_cast<Received*>(to);
  received.too_long = size > received.bytes_max - received.body.size();
  if (received.too_long) return 0;  // which ends the transfer
  received.body.append(bytes, size);
  return size;
}

}  // namespace

std::string url_fault(const std::string& url) {
  if (url.size() > kUrlBytesMax) return "is too long";
  if (!std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~'; })) return "has a byte that is none of a URL";
  start_curl();
  const ParsedUrl parsed(url);
  if (!parsed.good()) return "is no URL";
  const std::string scheme = parsed.part(CURLUPART_SCHEME).value_or("");
  if (scheme != "https" && scheme != "http") return "is neither https nor http";
  if (parsed.part(CURLUPART_USER) || parsed.part(CURLUPART_PASSWORD)) return "has a user in it";
  if (parsed.part(CURLUPART_FRAGMENT)) return "has a fragment";
  if (scheme == "http" && !is_loopback_host(parsed.part(CURLUPART_HOST).value_or("")))
    return "is http, and not at a loopback address";
  return {};
}

struct HttpClient::State {
  CURL* handle = nullptr;
  std::array<char, CURL_ERROR_SIZE> words{};
  curl_slist* header = nullptr;
};

HttpClient::HttpClient(HttpClientOptions options) : options_(std::move(options)), state_(std::make_unique<State>()) {
  start_curl();
  state_->handle = curl_easy_init();
  CHECK(state_->handle != nullptr);
  state_->header = curl_slist_append(nullptr, "Accept: application/json");
}

HttpClient::~HttpClient() {
  curl_slist_free_all(state_->header);
  curl_easy_cleanup(state_->handle);
}

HttpClient::Body HttpClient::request(const std::string* form) {
  CURL* const curl = state_->handle;
  const auto timeout_ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout).count();
  Received received{.body = {}, .bytes_max = options_.bytes_max};
  curl_easy_reset(curl);  // but for its connections
  state_->words.front() = '\0';
  const auto set = [&](CURLoption option, auto value) { CHECK(curl_easy_setopt(curl, option, value) == CURLE_OK); };
  set(CURLOPT_ERRORBUFFER, state_->words.data());
  set(CURLOPT_URL, options_.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, options_.url.starts_with("http:") ? "http" : "https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options_.ca_file.empty()) {
    set(CURLOPT_CAINFO, options_.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout_ms));
  set(CURLOPT_HTTPHEADER, state_->header);
  set(CURLOPT_WRITEFUNCTION, &receive);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&received));
  if (!options_.user.empty()) {
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_USERNAME, options_.user.c_str());
    set(CURLOPT_PASSWORD, options_.password.c_str());
  }
  if (form != nullptr) {
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(form->size()));
    set(CURLOPT_POSTFIELDS, form->c_str());
  }
  const CURLcode done = curl_easy_perform(curl);
  if (received.too_long) return std::unexpected(options_.url + ": its response is too long");
  if (done != CURLE_OK)
    return std::unexpected(options_.url + ": " +
                           (state_->words.front() != '\0' ? state_->words.data() : curl_easy_strerror(done)));
  long status = 0;
  CHECK(curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK);
  if (status >= 300 && status < 400)
    return std::unexpected(options_.url + ": redirects to elsewhere, which is not followed");
  if (status != kOk) return std::unexpected(options_.url + ": answers " + std::to_string(status));
  return std::move(received.body);
}

std::string form_encoded(std::string_view text) { return hex_escaped(text, "-._~", '%'); }

}  // namespace sluice::auth
