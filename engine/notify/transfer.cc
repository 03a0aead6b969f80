#include "engine/notify/transfer.h"

#include <algorithm>
#include <cstring>

#include "engine/text/escape.h"

namespace sluice::notify {
namespace {

// Once in the process; libcurl wants it before its first handle.
void initialise_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(started == CURLE_OK);
}

}  // namespace

Transfer::Transfer(const std::string& url, const std::string& ca_file, Duration timeout,
                   const std::atomic<bool>& give_up) {
  initialise_curl();
  handle_ = curl_easy_init();
  CHECK(handle_ != nullptr);
  const auto timeout_ms = static_cast<long>(timeout / std::chrono::milliseconds(1));
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  // A look-up that does not end is not waited for.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!ca_file.empty()) {
    set(CURLOPT_CAINFO, ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_TIMEOUT_MS, timeout_ms);
  set(CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
  set(CURLOPT_WRITEFUNCTION, &Transfer::receive);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Transfer::look);
  set(CURLOPT_XFERINFODATA, static_cast<const void*>(&give_up));
}

Transfer::~Transfer() {
  curl_easy_cleanup(handle_);
  curl_slist_free_all(header_);
  curl_slist_free_all(recipients_);
}

void Transfer::post(const std::string& body) {
  set(CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  set(CURLOPT_POSTFIELDS, body.c_str());
}

void Transfer::upload(std::string_view text) {
  unsent_ = text;
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(text.size()));
  set(CURLOPT_READFUNCTION, &Transfer::send);
  set(CURLOPT_READDATA, static_cast<void*>(this));
}

std::size_t Transfer::receive(char* bytes, std::size_t /*one*/, std::size_t size, void* to) {
  Transfer& transfer = *static_cast<Transfer*>(to);
  transfer.answer_bytes_ += size;
  transfer.answer_.append(bytes, std::min(size, kAnswerBytesKept - transfer.answer_.size()));
  return transfer.answer_bytes_ > kAnswerBytesMax ? 0 : size;  // 0 ends the transfer
}

std::size_t Transfer::send(char* bytes, std::size_t one, std::size_t size, void* from) {
  Transfer& transfer = *static_cast<Transfer*>(from);
  const std::size_t taken = std::min(one * size, transfer.unsent_.size());
  std::memcpy(bytes, transfer.unsent_.data(), taken);
  transfer.unsent_.remove_prefix(taken);
  return taken;
}

// Called once a second at least, whatever is waited for.  Anything but 0 ends the transfer.
int Transfer::look(void* at, curl_off_t /*down_all*/, curl_off_t /*down*/, curl_off_t /*up_all*/, curl_off_t /*up*/) {
  return static_cast<const std::atomic<bool>*>(at)->load() ? 1 : 0;
}

bool Transfer::run() {
  if (header_ != nullptr) set(CURLOPT_HTTPHEADER, header_);
  if (recipients_ != nullptr) set(CURLOPT_MAIL_RCPT, recipients_);
  result_ = curl_easy_perform(handle_);
  return result_ == CURLE_OK;
}

long Transfer::code() const {
  long code = 0;
  CHECK(curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &code) == CURLE_OK);
  return code;
}

Duration Transfer::retry_after() const {
  curl_off_t seconds = 0;
  CHECK(curl_easy_getinfo(handle_, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK);
  constexpr curl_off_t kDay = 86'400;
  return std::chrono::seconds(std::clamp<curl_off_t>(seconds, 0, kDay));
}

std::string Transfer::words() const {
  if (result_ == CURLE_OK) return text::escaped_line(answer_);
  if (result_ == CURLE_ABORTED_BY_CALLBACK) return "the relay ends";
  if (result_ == CURLE_WRITE_ERROR && answer_bytes_ > kAnswerBytesMax) return "the response is too long";
  return text::escaped_line(error_.front() != '\0' ? error_.data() : curl_easy_strerror(result_));
}

std::string url_origin(const std::string& url) {
  const std::size_t host = url.find("://");
  if (host == std::string::npos) return {};
  return url.substr(0, url.find_first_of("/?#", host + 3));
}

}  // namespace sluice::notify
