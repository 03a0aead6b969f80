// One end of a simulated SMTP dialog as a test plays it: lines and bytes come out of a connection, text goes in.
// What it has not read yet stays in the connection, so that a peer that does not read holds its sender up.
// Owned by a scripted client or next hop; its loop's thread only.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/net/connection.h"

namespace sluice::testing {

class Peer {
 public:
  explicit Peer(std::unique_ptr<net::Connection> connection) : connection_(std::move(connection)) {}

  // The next line, without its CRLF.  False when there will be none, or not in time.
  Task<bool> line(std::string& line, Duration timeout) {
    for (;;) {
      const std::size_t end = text_.find("\r\n", at_);
      if (end != std::string::npos) {
        line = text_.substr(at_, end - at_);
        take(end + 2 - at_);
        co_return true;
      }
      if (!co_await more(timeout)) co_return false;
    }
  }
  // At least one byte, at most `size`, appended to `to`.
  Task<bool> bytes(std::size_t size, std::string& to, Duration timeout) {
    if (at_ == text_.size() && !co_await more(timeout)) co_return false;
    const std::size_t n = std::min(size, text_.size() - at_);
    to.append(text_, at_, n);
    take(n);
    co_return true;
  }
  // Reads nothing for a while.  False when the connection was terminated meanwhile.
  Task<bool> pause(Duration duration) {
    constexpr Duration kStep = std::chrono::seconds(1);
    while (duration > Duration::zero() && open()) {
      co_await connection_->loop().sleep(std::min(duration, kStep), "a peer that does nothing");
      duration -= std::min(duration, kStep);
    }
    co_return open();
  }

  void say(std::string_view text) { connection_->write(text); }
  // Something has come that was not asked for yet: commands in the pipeline.
  [[nodiscard]] bool more_is_here() { return at_ < text_.size() || !connection_->input().empty(); }
  // What has come and was not asked for.
  [[nodiscard]] std::string_view unread() const { return std::string_view(text_).substr(at_); }
  [[nodiscard]] bool open() const { return connection_->state() == net::Connection::State::open; }
  net::Connection& connection() { return *connection_; }

 private:
  Task<bool> more(Duration timeout) {
    Chain& input = connection_->input();
    if (input.empty() && co_await connection_->more(timeout, "a scripted peer") != net::IoStatus::ok) co_return false;
    text_ += input.to_string();
    input.clear();
    co_return true;
  }
  void take(std::size_t size) {
    at_ += size;
    if (at_ < text_.size() && at_ < 65536) return;
    text_.erase(0, at_);
    at_ = 0;
  }

  std::unique_ptr<net::Connection> connection_;
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace sluice::testing
