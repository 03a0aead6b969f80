#include "engine/relay/maildir_sink.h"

#include "engine/io/files.h"

namespace sluice::relay {

Task<void> MaildirSink::add_recipients(const message::Envelope& envelope, std::size_t first,
                                       std::vector<smtp::Reply>& answers) {
  if (first == 0) {
    id_ = envelope.id;
    text_ = "Return-Path: <" + envelope.reverse_path + ">\r\n";
  }
  for (std::size_t i = first; i < envelope.recipients.size(); ++i) {
    text_ += "Delivered-To: " + envelope.recipients[i].forward_path + "\r\n";
    answers.emplace_back(smtp::replies::kRecipientOk);
  }
  co_return;
}

Task<void> MaildirSink::begin(message::BodyForm form) {
  form_ = form;
  co_return;
}

Task<void> MaildirSink::write(Chain bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.front();
    if (form_ == message::BodyForm::literal) {
      text_ += piece;
      bytes.consume(piece.size());
    } else {
      const auto step = unstuffer_.step(piece);
      text_ += piece.substr(0, step.copy);
      bytes.consume(step.copy + step.skip);
    }
  }
  co_return;
}

Task<message::Outcome> MaildirSink::commit() {
  using Written = std::expected<void, std::string>;
  auto written = co_await io::run_on_worker<Written>(
      loop_, [this] { return io::deliver_to_maildir(directory_, id_, text_); }, "the mailbox");
  message::Outcome outcome;
  outcome.next_hop = directory_;
  if (written && *written) {
    outcome.reply = smtp::replies::kMessageTaken;
  } else {
    outcome.reply = smtp::replies::kInternal;
    outcome.detail = written ? written->error() : "too many jobs wait";
  }
  co_return outcome;
}

Task<void> MaildirSink::abort() { co_return; }

}  // namespace sluice::relay
