#include "engine/notify/mail.h"

#include "engine/notify/transfer.h"

namespace sluice::notify {

Outcome send_mail(const MailOptions& mail, const OutboxItem& item, const std::atomic<bool>& give_up) {
  const std::string scheme = mail.tls == MailTls::implicit ? "smtps://" : "smtp://";
  // The path is the name that EHLO says.
  Transfer transfer(scheme + mail.server + "/" + mail.host, mail.ca_file, kMailTimeout, give_up);
  const long tls = mail.tls == MailTls::none ? CURLUSESSL_NONE : CURLUSESSL_ALL;
  transfer.set(CURLOPT_USE_SSL, tls);
  // One address that is refused keeps no mail from the others.
  transfer.set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  for (const std::string& address : item.to) transfer.add_recipient(address);
  transfer.upload(item.text);
  const bool ended = transfer.run();
  const long code = transfer.code();
  if (ended) return {.result = Outcome::Result::delivered, .words = std::to_string(code)};
  const bool refused = code >= 500 && code < 600;
  return {.result = refused ? Outcome::Result::never : Outcome::Result::later, .words = transfer.words()};
}

}  // namespace sluice::notify
