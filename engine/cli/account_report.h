// How sluicectl prints customers, domains and accounts: for people, as aligned columns, and for
// programs, as JSON. Pure; any thread.
#pragma once

#include <expected>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>

#include "auth/store/account_admin.h"
#include "auth/store/certificate_admin.h"
#include "auth/store/device_admin.h"
#include "engine/cli/moment.h"

namespace sluice::cli {

// "failing", or how the domain is known to be its customer's: "proven", "asserted"; "new": it is to be proven yet.
[[nodiscard]] std::string_view domain_state(const auth::DomainRecord& record);

// Tables with a heading; a word in place of a table if there is nothing.
void print_table(std::ostream& out, std::span<const auth::CustomerRecord> records, TimeForm form);
void print_table(std::ostream& out, std::span<const auth::DomainRecord> records, TimeForm form);
void print_table(std::ostream& out, std::span<const auth::AccountRecord> records, TimeForm form);
void print_table(std::ostream& out, std::span<const auth::DeviceRecord> records, TimeForm form);
void print_table(std::ostream& out, std::span<const auth::CertificateRecord> records, TimeForm form);

// One JSON array on one line. Times are RFC 3339, in UTC.
void print_json(std::ostream& out, std::span<const auth::CustomerRecord> records);
void print_json(std::ostream& out, std::span<const auth::DomainRecord> records);
void print_json(std::ostream& out, std::span<const auth::AccountRecord> records);
void print_json(std::ostream& out, std::span<const auth::DeviceRecord> records);
void print_json(std::ostream& out, std::span<const auth::CertificateRecord> records);

// The records of a list command in one of the two ways, or why there are none.
template <typename Records>
auth::StoreResult<> print_found(std::ostream& out, const auth::StoreResult<Records>& records, bool json,
                                TimeForm form) {
  if (!records) return std::unexpected(records.error());
  const std::span<const typename Records::value_type> rows(*records);
  if (json) {
    print_json(out, rows);
  } else {
    print_table(out, rows, form);
  }
  return {};
}

// One record: "key: value" lines, or one JSON object on one line.
void print_one(std::ostream& out, const auth::DomainRecord& record, bool json, TimeForm form);
void print_one(std::ostream& out, const auth::AccountRecord& record, bool json, TimeForm form);
// A customer with what it has.
void print_one(std::ostream& out, const auth::CustomerRecord& record, std::span<const auth::DomainRecord> domains,
               std::span<const auth::AccountRecord> accounts, bool json, TimeForm form);

}  // namespace sluice::cli
