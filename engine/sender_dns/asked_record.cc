#include "engine/sender_dns/asked_record.h"

namespace sluice::sender_dns {

io::DnsReply ask_for(Finding& finding, io::DnsType type, DnsSource& dns) {
  io::DnsReply reply = dns.ask(finding.name, type);
  finding.aliases = reply.aliases;
  finding.authenticated = reply.authenticated;
  if (reply.status == io::DnsStatus::failed) {
    finding.verdict = Verdict::not_asked;
    finding.what = reply.error;
  }
  return reply;
}

}  // namespace sluice::sender_dns
