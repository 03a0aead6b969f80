// The smallest driver of a ServerMachine: no sockets, no back ends.  It checks at every step what
// each driver may rely on, so it serves scripts, unit tests and the fuzzer alike.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/smtp/scan.h"
#include "engine/smtp/server.h"

namespace sluice::smtp {

struct ToyMessage {
  std::string sender;
  std::vector<std::string> recipients;
  std::string content;  // of DATA: dot-stuffed
};

// Of what it does not take.
inline constexpr StandardReply kToyRefusal{550, {5, 7, 1}, "Not permitted", "kToyRefusal"};

// Takes every recipient but local parts that say otherwise: "refused", "busy"; a recipient that is there already,
// spelled the same, it takes once.  The password is "secret".
class ToyServer {
 public:
  explicit ToyServer(const ServerProfile& profile, bool tls = false) : machine_(profile, tls) {}

  std::string greet() {
    std::string out;
    ReplyWriter writer(out);
    machine_.greet(writer);
    return out;
  }

  // What the client sends next; gives what is answered.
  std::string feed(std::string_view bytes) {
    std::string out;
    ReplyWriter writer(out);
    if (closed_) return out;
    if (handshaking_) return out;
    pending_.append(bytes);
    while (!closed_ && !handshaking_ && advance(writer)) {
    }
    if (closed_ || handshaking_) pending_.clear();
    check_replies(out, writer.count());
    return out;
  }

  void handshake() {
    CHECK(handshaking_);
    handshaking_ = false;
    machine_.tls_started();
  }

  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool handshaking() const { return handshaking_; }
  [[nodiscard]] const std::vector<ToyMessage>& messages() const { return messages_; }
  [[nodiscard]] const std::vector<std::string>& secrets() const { return secrets_; }
  [[nodiscard]] std::size_t deepest_batch() const { return deepest_batch_; }
  [[nodiscard]] std::uint64_t discarded() const { return discarded_; }
  // Something happened that depends on what came in one segment: STARTTLS, or content before 354.
  [[nodiscard]] bool saw_segments() const { return saw_segments_; }
  [[nodiscard]] ServerMachine& machine() { return machine_; }
  [[nodiscard]] bool logged_in() const { return logged_in_; }  // at any time

 private:
  // False when more bytes are needed.
  bool advance(ReplyWriter& out) {
    if (in_content_) return read_content(out);
    if (in_chunk_) return read_chunk(out);
    const std::size_t replies_before = out.count();
    const std::uint32_t outstanding_before = machine_.outstanding();
    const Step step = machine_.step(pending_, out);
    CHECK(step.consumed <= pending_.size());
    check_step(step, out.count() - replies_before, outstanding_before);
    if (step.event == Event::start_tls || machine_.early_content()) saw_segments_ = true;
    const bool going_on = act(step, out);
    pending_.erase(0, step.consumed);
    if (machine_.closing()) closed_ = true;
    return going_on;
  }

  // One command, one reply: at once, or by the answer to the event; a closing 421 may follow.
  void check_step(const Step& step, std::size_t replies, std::uint32_t outstanding_before) {
    switch (step.event) {
      case Event::need_more:
      case Event::need_answers:
        CHECK(step.consumed == 0 && replies == 0);
        break;
      case Event::mail:
      case Event::recipient:
      case Event::data:
      case Event::chunk:
      case Event::auth:
      case Event::auth_response:
        CHECK(replies == 0 && step.consumed > 0);
        // Never past the command's own line.
        CHECK(pending_.substr(0, step.consumed).find("\r\n") == step.consumed - 2);
        break;
      case Event::replied:
        CHECK(replies <= 1 && step.consumed > 0);
        break;
      case Event::hello:
      case Event::reset:
      case Event::auth_cancelled:
        CHECK(replies == 1);
        break;
      case Event::start_tls:
      case Event::quit:
        CHECK(replies == 1 && step.consumed == pending_.size());
        break;
      case Event::close:
        CHECK(replies <= 2 && step.consumed == pending_.size());
        break;
    }
    // Recipients that wait are answered before anything else is.
    CHECK(outstanding_before == 0 || replies == 0);
  }

  bool act(const Step& step, ReplyWriter& out) {
    switch (step.event) {
      case Event::need_more:
        return false;
      case Event::replied:
      case Event::hello:
      case Event::reset:
      case Event::auth_cancelled:
        break;
      case Event::mail:
        answer_mail(out);
        break;
      case Event::recipient:
        asked_.push_back({machine_.recipient().path.mailbox.text(), machine_.recipient().surplus});
        CHECK(machine_.outstanding() == asked_.size());
        break;
      case Event::need_answers:
        answer_recipients(out);
        break;
      case Event::data:
        answer_data(out);
        break;
      case Event::chunk:
        in_chunk_ = true;
        chunk_ = machine_.chunk();
        chunk_left_ = chunk_.size;
        break;
      case Event::auth:
        if (machine_.has_auth_initial()) {
          answer_auth(out);
        } else {
          machine_.answer_auth_challenge("", out);
        }
        break;
      case Event::auth_response:
        answer_auth(out);
        break;
      case Event::start_tls:
        handshaking_ = true;
        break;
      case Event::quit:
      case Event::close:
        closed_ = true;
        break;
    }
    return true;
  }

  void answer_mail(ReplyWriter& out) {
    const std::string sender = machine_.mail().path.mailbox.text();
    message_ = {};
    message_.sender = sender;
    machine_.answer_mail(sender.starts_with("refused@") ? kToyRefusal : replies::kSenderOk, out);
  }

  void answer_recipients(ReplyWriter& out) {
    deepest_batch_ = std::max(deepest_batch_, asked_.size());
    for (const auto& [recipient, surplus] : asked_) {
      if (std::ranges::find(message_.recipients, recipient) != message_.recipients.end()) {
        machine_.answer_duplicate_recipient(replies::kRecipientOk, out);
        continue;
      }
      if (surplus) {
        machine_.answer_surplus_recipient(out);
        continue;
      }
      const bool refused = recipient.starts_with("refused@");
      const bool busy = recipient.starts_with("busy@");
      if (!refused && !busy) message_.recipients.push_back(recipient);
      machine_.answer_recipient(refused ? kToyRefusal : busy ? replies::kInternal : replies::kRecipientOk, out);
    }
    asked_.clear();
  }

  void answer_data(ReplyWriter& out) {
    const bool refused = message_.sender.starts_with("nodata@");
    machine_.answer_data(refused ? replies::kInternal : replies::kSendData, out);
    in_content_ = !refused;
    scanner_ = {};
  }

  bool read_content(ReplyWriter& out) {
    if (pending_.empty()) return false;
    const DataScan scan = scanner_.scan(pending_);
    CHECK(scan.content <= scan.consumed && scan.consumed <= pending_.size());
    message_.content.append(scan.carried).append(pending_, 0, scan.content);
    pending_.erase(0, scan.consumed);
    if (!scan.ended) return true;
    in_content_ = false;
    last_flags_ = scanner_.flags();
    end_message(out);
    return true;
  }

  void end_message(ReplyWriter& out) {
    const bool bare = last_flags_.bare();
    const bool refused = message_.content.starts_with("refused");
    if (!bare && !refused) messages_.push_back(message_);
    machine_.answer_message(bare ? replies::kBareInMessage : refused ? kToyRefusal : replies::kMessageTaken, out);
  }

  bool read_chunk(ReplyWriter& out) {
    const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, pending_.size()));
    if (chunk_.discard) {
      discarded_ += now;
    } else {
      message_.content.append(pending_, 0, now);
    }
    pending_.erase(0, now);
    chunk_left_ -= now;
    if (chunk_left_ > 0) return false;
    in_chunk_ = false;
    if (chunk_.discard) {
      machine_.chunk_discarded(out);
    } else if (chunk_.last) {
      TextChecker checker;
      checker.check(message_.content);
      checker.finish();
      last_flags_ = checker.flags();
      end_message(out);
    } else {
      machine_.answer_chunk(message_.content.starts_with("refused") ? kToyRefusal : replies::kChunkOk, out);
    }
    closed_ = machine_.closing();
    return true;
  }

  void answer_auth(ReplyWriter& out) {
    const std::string given(machine_.auth_response());
    secrets_.push_back(given);
    if (machine_.auth_mechanism() == "LOGIN" && given == "user") {
      machine_.answer_auth_challenge("Password:", out);
      return;
    }
    const bool right = given.ends_with("secret");
    const bool down = given.ends_with("down");
    logged_in_ |= right;
    machine_.answer_auth(right ? replies::kAuthOk : down ? replies::kAuthUnavailable : replies::kAuthFailed, out);
  }

  // Whole lines, printable, bounded; as many replies as were counted.
  static void check_replies(std::string_view out, std::size_t count) {
    std::size_t finals = 0;
    while (!out.empty()) {
      const std::size_t end = out.find("\r\n");
      CHECK(end != std::string_view::npos && end >= 4);
      const std::string_view line = out.substr(0, end);
      CHECK(line.size() + 2 <= 512 && line[0] >= '2' && line[0] <= '5' && (line[3] == ' ' || line[3] == '-'));
      // Without SMTPUTF8 a client can read ASCII only, and this server has nothing else to say.
      CHECK(std::ranges::all_of(line, [](char c) { return c >= 0x20 && c <= 0x7e; }));
      finals += line[3] == ' ' ? 1 : 0;
      out.remove_prefix(end + 2);
    }
    CHECK(finals == count);
  }

  ServerMachine machine_;
  std::string pending_;
  struct Asked {
    std::string recipient;
    bool surplus = false;
  };
  std::vector<Asked> asked_;
  ToyMessage message_;
  std::vector<ToyMessage> messages_;
  std::vector<std::string> secrets_;
  DataScanner scanner_;
  ContentFlags last_flags_;
  ChunkCommand chunk_;
  std::uint64_t chunk_left_ = 0;
  std::uint64_t discarded_ = 0;
  std::size_t deepest_batch_ = 0;
  bool in_content_ = false;
  bool in_chunk_ = false;
  bool handshaking_ = false;
  bool saw_segments_ = false;
  bool logged_in_ = false;
  bool closed_ = false;
};

}  // namespace sluice::smtp
