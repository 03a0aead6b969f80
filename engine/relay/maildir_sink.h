// The sink that keeps messages in a Maildir: the demo's mailbox, and a place to look at mail in tests.  A
// message is on disk, synced, before it is answered.  It is held in memory until then.
// One per message; core thread only.
#pragma once

#include <string>

#include "engine/io/loop.h"
#include "engine/message/message_sink.h"
#include "engine/smtp/scan.h"

namespace sluice::relay {

class MaildirSink final : public message::MessageSink {
 public:
  MaildirSink(io::Loop& loop, std::string directory) : loop_(loop), directory_(std::move(directory)) {}

  Task<void> add_recipients(const message::Envelope& envelope, std::size_t first,
                            std::vector<smtp::Reply>& answers) override;
  Task<void> begin(message::BodyForm form) override;
  Task<void> write(Chain bytes) override;
  Task<message::Outcome> commit() override;
  Task<void> abort() override;
  // In place of commit(): what was written, without the dots of DATA.
  [[nodiscard]] std::string take_text() { return std::move(text_); }

 private:
  io::Loop& loop_;
  std::string directory_;
  std::string id_;
  std::string text_;
  message::BodyForm form_ = message::BodyForm::dot_stuffed;
  smtp::DotUnstuffer unstuffer_;
};

}  // namespace sluice::relay
