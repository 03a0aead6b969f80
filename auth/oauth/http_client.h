// Requests to the operator's identity provider, by libcurl, which blocks: on threads that no core waits for.  https,
// its certificate checked; http to loopback addresses alone.  No redirect is followed, no proxy asked, no cookie kept;
// time and size are bounded.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::auth {

// A sentence on why this is no URL that may be asked; empty: it is one.  Pure.
[[nodiscard]] std::string url_fault(const std::string& url);

struct HttpClientOptions {
  std::string url;      // without fault
  std::string ca_file;  // empty: the system's
  Duration timeout = std::chrono::seconds(10);
  std::size_t bytes_max = 0;  // of a response's body
  // HTTP Basic (RFC 6749 2.3.1); empty: none.
  std::string user;
  std::string password;
};

// One thread at a time; keeps its connection.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // The body of a response of status 200; whatever else comes is an error, a sentence for the operator.
  using Body = std::expected<std::string, std::string>;
  [[nodiscard]] Body get() { return request(nullptr); }
  // `form`: application/x-www-form-urlencoded; no copy of it is kept.
  [[nodiscard]] Body post(const std::string& form) { return request(&form); }

 private:
  Body request(const std::string* form);
  struct State;
  const HttpClientOptions options_;
  std::unique_ptr<State> state_;
};

// As a value of a form, or of a name and secret for HTTP Basic there.
[[nodiscard]] std::string form_encoded(std::string_view text);

}  // namespace sluice::auth
