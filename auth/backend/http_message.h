// Requests and responses of an authenticator in the manner of nginx's mail module (auth_http), apart from the
// conversation: RFC 9112, as far as one GET needs it.  Values; pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/backend/verdict.h"
#include "auth/secret.h"

namespace sluice::auth::http {

// As nginx writes a name and a secret: controls, blanks and "%" as "%20" and their like; all else as it is.
[[nodiscard]] std::string escape(std::string_view text);

// The head of the request for `target` ("/auth") of `host` ("auth.example.net:8080").  The secret is in it: to be
// wiped.
[[nodiscard]] std::string request(std::string_view host, std::string_view target, const Credentials& credentials);

// A response's status line and header, line by line.
class ResponseHead {
 public:
  static constexpr std::size_t kLinesMax = 100;
  static constexpr std::size_t kBytesMax = 32768;

  enum class Step : std::uint8_t { more, done, malformed };
  // Lines without their end.  Nothing follows behind `done` and `malformed`.
  [[nodiscard]] Step line(std::string_view text);

  [[nodiscard]] int status() const { return status_; }
  // How often the field is there; its first value.  Names of fields are compared without case.
  [[nodiscard]] std::size_t count(std::string_view name) const;
  [[nodiscard]] std::string_view value(std::string_view name) const;

  enum class Body : std::uint8_t {
    sized,    // size() bytes
    to_end,   // until the connection ends
    strange,  // of another kind, chunks for one, or of no clear size
  };
  [[nodiscard]] Body body() const;
  [[nodiscard]] std::uint64_t size() const;
  // RFC 9112 9.3: whether the connection can be used again behind the body.
  [[nodiscard]] bool persists() const;

 private:
  [[nodiscard]] bool read_status(std::string_view text);
  [[nodiscard]] bool read_field(std::string_view text);
  std::size_t lines_ = 0;
  std::size_t bytes_ = 0;
  int status_ = 0;
  bool version_1_1_ = false;
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Fields of the response that say whose the account is.
struct FieldNames {
  std::string customer;
  std::string domains;
};
// What a response means whose head is complete.  The reason of `unavailable` is a sentence's end, without a word of the
// server's.
[[nodiscard]] Verdict verdict_of(const ResponseHead& head, const FieldNames& names);

}  // namespace sluice::auth::http
