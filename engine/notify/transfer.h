// One transfer by libcurl, which blocks: on threads that no core waits for.  Certificates are always checked; no proxy
// is asked, no redirect followed, no cookie kept; time and what is read are bounded.
#pragma once

#include <curl/curl.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "engine/base/time.h"

namespace sluice::notify {

class Transfer {
 public:
  // Of an answer: so much is kept, and so much read.
  static constexpr std::size_t kAnswerBytesKept = 256;
  static constexpr std::size_t kAnswerBytesMax = 65'536;

  // Ends soon once `give_up` is true, which outlives the transfer.  `ca_file`: empty: the system's authorities.
  Transfer(const std::string& url, const std::string& ca_file, Duration timeout, const std::atomic<bool>& give_up);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  template <typename Value>
  void set(CURLoption option, Value value) {
    CHECK(curl_easy_setopt(handle_, option, value) == CURLE_OK);
  }
  // What is sent; stays until run() has ended.
  void post(const std::string& body);
  void upload(std::string_view text);
  void add_header(const std::string& field) { header_ = curl_slist_append(header_, field.c_str()); }
  void add_recipient(const std::string& address) { recipients_ = curl_slist_append(recipients_, address.c_str()); }

  // Whether it came to its end; the status of HTTP, or the last reply code of SMTP, is then in code(), and may be there
  // otherwise, too.
  [[nodiscard]] bool run();
  [[nodiscard]] long code() const;
  [[nodiscard]] Duration retry_after() const;
  // The beginning of what came, or why it did not come to its end: one clean line.
  [[nodiscard]] std::string words() const;

 private:
  static std::size_t receive(char* bytes, std::size_t one, std::size_t size, void* to);
  static std::size_t send(char* bytes, std::size_t one, std::size_t size, void* from);
  static int look(void* at, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up);

  CURL* handle_;
  curl_slist* header_ = nullptr;
  curl_slist* recipients_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::string_view unsent_;
  std::string answer_;
  std::size_t answer_bytes_ = 0;
  CURLcode result_ = CURLE_OK;
};

// "https://hooks.example.net:8443": what may be shown of a URL, of which the rest may be a secret.
[[nodiscard]] std::string url_origin(const std::string& url);

}  // namespace sluice::notify
