#include "engine/relay/destination.h"

#include "engine/base/domain_name.h"

namespace sluice::relay {

Destination find_destination(const route::RouteTable& table, absl::FunctionRef<const route::Route&(std::size_t)> route,
                             std::string_view hostname, const message::Recipient& recipient,
                             const message::Envelope& envelope, const message::Submitter& from) {
  const std::string_view domain = route::domain_of(recipient.forward_path);
  Destination found;
  found.route = table.find({.recipient_domain = domain,
                            .sender_domain = route::domain_of(envelope.reverse_path),
                            .customer = from.customer,
                            .null_sender = envelope.reverse_path.empty(),
                            .own_dsn = message::is_own_dsn(envelope, from)});
  // As DNS knows it: all spellings are one destination, with one pool.  What is no domain is for DNS to refuse.
  found.domain = domain_key(domain.empty() ? hostname : domain);
  found.share = message::share_of(from);
  found.key = table.destination_key(route(found.route), found.domain);
  return found;
}

smtp::Reply RoutingFailure::reply() const { return smtp::Reply::relayed(code, enhanced, text); }

}  // namespace sluice::relay
