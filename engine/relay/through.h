// The taker that passes a message through while the client is still sending: every recipient is asked of
// the next hop before it is answered, body bytes go out from the buffers that they arrived in, and the next
// hop's last word is the client's.  Nothing touches a disk; a next hop that fails is a 451 for the client,
// who still has the message.
// One per message; core thread only.
#pragma once

#include <memory>
#include <optional>

#include "engine/message/taker.h"
#include "engine/relay/pool.h"
#include "engine/smtp/scan.h"

namespace sluice::relay {

class Through final : public message::Taker {
 public:
  // Unsent bytes to the next hop at which the client has to wait.
  static constexpr std::size_t kWindowBytes = 256 * 1024;
  // Bytes that make up one BDAT of a message that is longer.
  static constexpr std::size_t kChunkBytes = 128 * 1024;

  explicit Through(Pool& pool) : pool_(pool) {}
  ~Through() override;

  Task<void> offer(const message::Envelope& envelope, std::size_t first,
                   std::vector<smtp::Reply>& answers) override;
  Task<void> begin(message::BodyForm form) override;
  Task<void> feed(Chain bytes) override;
  Task<message::Outcome> finish() override;
  Task<void> abandon() override;

 private:
  enum class Stage : std::uint8_t { idle, envelope, body, done };

  Task<std::optional<Trouble>> ask(const message::Envelope& envelope, std::size_t first,
                                   std::vector<smtp::Reply>& answers);
  void append_mail(const message::Envelope& envelope, std::string& text);
  void append_recipient(const message::Recipient& recipient, std::string& text);
  [[nodiscard]] const smtp::StandardReply* cannot_carry(const message::Envelope& envelope) const;
  Task<void> send_data(Chain bytes);
  Task<void> send_chunk(bool last);
  Task<void> read_chunk_reply();
  Task<void> lost(Trouble why);
  Trouble out_of_step(const char* asked);
  [[nodiscard]] bool spoke_early();
  void fail(smtp::Reply reply, std::string detail);
  void give_back();

  Pool& pool_;
  std::unique_ptr<NextHop> hop_;
  Stage stage_ = Stage::idle;
  bool chunking_ = false;
  message::BodyForm form_ = message::BodyForm::dot_stuffed;
  smtp::DotStuffer stuffer_;
  smtp::DotUnstuffer unstuffer_;
  Chain chunk_;
  message::Outcome outcome_;
  std::optional<smtp::Reply> failed_;  // decided before the end of the message
};

}  // namespace sluice::relay
