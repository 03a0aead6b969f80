#include "policy/cluster/redis_reply.h"

#include <hiredis/hiredis.h>

#include <utility>

namespace sluice::policy {
namespace {

// The children of an array are made with it, and filled in their turn: only the root is allocated by itself.
RedisReply* place_of(const redisReadTask* task) {
  if (task->parent == nullptr) return new RedisReply;
  auto& elements = static_cast<RedisReply*>(task->parent->obj)->elements;
  const auto index = static_cast<std::size_t>(task->idx);
  return index < elements.size() ? &elements[index] : nullptr;
}

// Of arrays in arrays.  hiredis stops at 9 until its version 1.1, and nowhere from then on.
std::size_t depth_of(const redisReadTask* task) {
  std::size_t depth = 0;
  for (; task != nullptr; task = task->parent) ++depth;
  return depth;
}

void* make_string(const redisReadTask* task, char* bytes, std::size_t size) {
  RedisReply* const reply = place_of(task);
  if (reply == nullptr) return nullptr;
  reply->kind = task->type == REDIS_REPLY_ERROR    ? RedisReply::Kind::error
                : task->type == REDIS_REPLY_STATUS ? RedisReply::Kind::status
                                                   : RedisReply::Kind::text;
  reply->text.assign(bytes, size);
  return reply;
}

// The number of elements is an int in hiredis 0.14, and a size_t from 1.0 on.
template <typename Count>
void* make_array(const redisReadTask* task, Count count) {
  // A null makes the reader give up.
  if (std::cmp_less(count, 0) || std::cmp_greater(count, RedisReader::kElementsMax)) return nullptr;
  if (depth_of(task) > RedisReader::kDepthMax) return nullptr;
  RedisReply* const reply = place_of(task);
  if (reply == nullptr) return nullptr;
  reply->kind = RedisReply::Kind::array;
  reply->elements.resize(static_cast<std::size_t>(count));
  return reply;
}

void* make_integer(const redisReadTask* task, long long value) {
  RedisReply* const reply = place_of(task);
  if (reply == nullptr) return nullptr;
  reply->kind = RedisReply::Kind::integer;
  reply->integer = value;
  return reply;
}

void* make_nil(const redisReadTask* task) { return place_of(task); }

void free_root(void* reply) { delete static_cast<RedisReply*>(reply); }

redisReplyObjectFunctions make_functions() {
  redisReplyObjectFunctions functions{};
  functions.createString = &make_string;
  functions.createArray = &make_array;
  functions.createInteger = &make_integer;
  functions.createNil = &make_nil;
  functions.freeObject = &free_root;
#if HIREDIS_MAJOR >= 1
  // RESP 3, which is not asked for.  Without these the reader would return numbers in place of pointers.
  functions.createDouble = [](const redisReadTask*, double, char*, std::size_t) -> void* { return nullptr; };
  functions.createBool = [](const redisReadTask*, int) -> void* { return nullptr; };
#endif
  return functions;
}

redisReplyObjectFunctions reply_functions = make_functions();

}  // namespace

RedisReader::RedisReader() : reader_(redisReaderCreateWithFunctions(&reply_functions)) {}

RedisReader::~RedisReader() {
  if (reader_ != nullptr) redisReaderFree(reader_);
}

std::expected<std::optional<RedisReply>, std::string> RedisReader::next(std::string_view bytes) {
  const auto fail = [this](std::string why) -> std::unexpected<std::string> {
    failed_ = true;
    return std::unexpected(std::move(why));
  };
  if (failed_ || reader_ == nullptr) return fail("sent what is no reply");
  unanswered_ += bytes.size();
  if (unanswered_ > kReplyBytesMax) return fail("sent a reply that is too long");
  if (!bytes.empty() && redisReaderFeed(reader_, bytes.data(), bytes.size()) != REDIS_OK)
    return fail("sent what is no reply");
  void* found = nullptr;
  if (redisReaderGetReply(reader_, &found) != REDIS_OK) return fail("sent what is no reply");
  if (found == nullptr) return std::optional<RedisReply>();
  const std::unique_ptr<RedisReply> reply(static_cast<RedisReply*>(found));
  unanswered_ = reader_->len - reader_->pos;
  return std::optional<RedisReply>(std::move(*reply));
}

std::string encode_request(const std::vector<std::string>& words) {
  std::string request = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) request += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return request;
}

}  // namespace sluice::policy
