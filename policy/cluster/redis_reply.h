// Replies of Redis (RESP 2), read by hiredis' reader within bounds: bytes of a reply, elements of an array, depth.
// Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisReader;

namespace sluice::policy {

struct RedisReply {
  enum class Kind : std::uint8_t { nil, integer, text, status, error, array };
  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text;  // of text, status and error
  std::vector<RedisReply> elements;

  [[nodiscard]] bool is_error(std::string_view prefix) const {
    return kind == Kind::error && std::string_view(text).starts_with(prefix);
  }
};

class RedisReader {
 public:
  static constexpr std::size_t kReplyBytesMax = 16 * 1024;
  static constexpr std::size_t kElementsMax = 64;
  static constexpr std::size_t kDepthMax = 4;  // arrays in one another; what is asked for has one

  RedisReader();
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  // The next reply, if it is complete with `bytes`, which may be empty.  What is behind it is kept for the next call.
  // After an error, which is a sentence, there are no more.
  [[nodiscard]] std::expected<std::optional<RedisReply>, std::string> next(std::string_view bytes);
  // No byte has come that belongs to no reply yet.
  [[nodiscard]] bool empty() const { return unanswered_ == 0; }

 private:
  redisReader* reader_;
  std::size_t unanswered_ = 0;  // bytes since the last complete reply
  bool failed_ = false;
};

// A request: an array of bulk strings.
[[nodiscard]] std::string encode_request(const std::vector<std::string>& words);

}  // namespace sluice::policy
