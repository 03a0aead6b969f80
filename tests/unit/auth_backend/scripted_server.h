// A server of lines on a simulated host, which a test plays: what comes on each of its connections, and what is said
// there.  Owned by one test; its thread only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/net/connection.h"
#include "engine/net/listener.h"
#include "tests/support/awaited.h"

namespace sluice::testing {

class ScriptedServer {
 public:
  class Dialog {
   public:
    explicit Dialog(std::unique_ptr<net::Connection> connection) : connection_(std::move(connection)) {}
    void say(std::string_view text) { connection_->write(text); }
    // Behind what was said.
    void hang_up() {
      over_ = true;
      connection_->wake();
    }
    std::vector<std::string> lines;  // that came, without their ends

   private:
    friend class ScriptedServer;
    std::unique_ptr<net::Connection> connection_;
    std::string text_;
    bool over_ = false;
    bool ended_ = false;
  };

  // Of the host with the address `host`, at `address`, which may be a loopback address.
  ScriptedServer(Platforms& platforms, std::string_view host, const io::Address& address)
      : platforms_(platforms), loop_(platforms.add_loop(host)), address_(address) {
    start();
  }

  std::function<void(Dialog&)> on_open;
  std::function<void(Dialog&, const std::string&)> on_line;
  std::vector<std::unique_ptr<Dialog>> dialogs;  // all that there were

  [[nodiscard]] std::size_t open() const { return tasks_.live(); }
  void start() {
    listener_ = std::make_unique<net::Listener>(loop_, loop_.platform().sockets.listen(address_, {}).value(),
                                                [this](int socket) { tasks_.add(serve(socket)); });
    listener_->start();
  }
  // Hangs up on everybody, and takes nobody until start().
  void stop() {
    for (const auto& dialog : dialogs)
      if (!dialog->ended_) dialog->hang_up();
    await_done(platforms_, loop_, [this] { return end(); });
    listener_ = nullptr;
  }

 private:
  Task<void> serve(int socket) {
    Dialog& dialog =
        *dialogs.emplace_back(std::make_unique<Dialog>(std::make_unique<net::Connection>(loop_, socket, address_)));
    net::Connection& connection = *dialog.connection_;
    if (on_open) on_open(dialog);
    while (!dialog.over_ && co_await connection.more(24h, "a scripted server's client") == net::IoStatus::ok) {
      dialog.text_ += connection.input().to_string();
      connection.input().clear();
      for (std::size_t end; (end = dialog.text_.find('\n')) != std::string::npos;) {
        std::string line = dialog.text_.substr(0, end > 0 && dialog.text_[end - 1] == '\r' ? end - 1 : end);
        dialog.text_.erase(0, end + 1);
        dialog.lines.push_back(line);
        if (on_line && !dialog.over_) on_line(dialog, line);
      }
    }
    co_await connection.finish(1s, 0s);
    co_await connection.close();
    dialog.ended_ = true;
  }
  Task<void> end() {
    if (listener_ != nullptr) co_await listener_->close();
    co_await tasks_.join("scripted dialogs");
  }

  Platforms& platforms_;
  io::Loop& loop_;
  io::Address address_;
  std::unique_ptr<net::Listener> listener_;
  TaskSet tasks_;
};

}  // namespace sluice::testing
