#include "engine/cli/account_import.h"

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "auth/store/account_dump.h"
#include "auth/store/store_values.h"
#include "engine/cli/progress.h"
#include "engine/io/files.h"
#include "engine/text/json_text.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 30U;

// Passwords in clear become hashes, before the store is locked: each takes as long as a login.
auth::StoreResult<> hash_all(std::vector<auth::DumpedAccount>& accounts, const AccountCommandWorld& world,
                             auth::AccountAdmin& admin) {
  const auto in_clear = static_cast<std::size_t>(
      std::ranges::count_if(accounts, [](const auth::DumpedAccount& account) { return account.clear.has_value(); }));
  Progress progress(world, "hashed", in_clear);
  std::size_t done = 0;
  for (auth::DumpedAccount& account : accounts) {
    if (!account.clear) continue;
    auto hash = admin.hash_password(*account.clear);
    if (!hash) return std::unexpected(hash.error());
    account.hash = *std::move(hash);
    auto scram = admin.scram_keys(*account.clear);
    if (!scram) return std::unexpected(scram.error());
    account.scram = *std::move(scram);
    account.clear.reset();
    progress.at(++done);
  }
  return {};
}

void print_import_json(std::ostream& out, std::size_t imported, bool dry_run,
                       const std::vector<auth::DumpRefusal>& refusals) {
  std::string refused;
  for (const auth::DumpRefusal& refusal : refusals)
    absl::StrAppend(&refused, refused.empty() ? "" : ",", "{\"line\":", refusal.line,
                    ",\"name\":", text::json_string(refusal.name), ",\"reason\":", text::json_string(refusal.why), "}");
  out << "{\"imported\":" << imported << ",\"dry_run\":" << (dry_run ? "true" : "false") << ",\"refused\":[" << refused
      << "]}\n";
}

void print_refusals(std::ostream& err, const std::string& file, const std::vector<auth::DumpRefusal>& refusals) {
  for (const auth::DumpRefusal& refusal : refusals)
    err << file << ":" << refusal.line << ": " << (refusal.name.empty() ? "" : auth::in_quotes(refusal.name) + ": ")
        << refusal.why << "\n";
}

}  // namespace

auth::StoreResult<> import_accounts(const AccountRequest& request, const AccountCommandWorld& world,
                                    auth::AccountAdmin& admin) {
  if (request.customer)
    if (const auto known = admin.customer(*request.customer); !known) return std::unexpected(known.error());
  auto text = io::read_file(request.operand, kFileBytesMax);
  if (!text) return auth::store_error(auth::StoreError::Kind::refused, text.error());
  const auto format = auth::dump_format(request.format);
  auth::Dump dump = auth::read_dump(*format, *text);
  auth::wipe_bytes(text->data(), text->size());
  const bool dry_run = request.has(kOptionDryRun);
  if (!dry_run)
    if (auto hashed = hash_all(dump.accounts, world, admin); !hashed) return hashed;
  auth::StoreResult<std::size_t> imported;
  {
    Progress progress(world, dry_run ? "looked at" : "imported", dump.accounts.size());
    imported = admin.import_accounts(dump.accounts,
                                     {.customer = request.customer.value_or(""),
                                      .dry_run = dry_run,
                                      .on_progress = [&progress](std::size_t done) { progress.at(done); }},
                                     world.clock.wall(), dump.refusals);
  }
  if (!imported) return std::unexpected(imported.error());
  std::ranges::sort(dump.refusals, {}, &auth::DumpRefusal::line);
  print_refusals(world.err, request.operand, dump.refusals);
  if (request.has(kOptionJson)) {
    print_import_json(world.out, *imported, dry_run, dump.refusals);
  } else {
    world.out << *imported << (dry_run ? " accounts would be imported\n" : " accounts imported\n");
  }
  if (dump.refusals.empty()) return {};
  return auth::store_error(auth::StoreError::Kind::refused,
                           absl::StrCat(dump.refusals.size(), " refused, see above; the others were ",
                                        dry_run ? "looked at only" : "imported"));
}

}  // namespace sluice::cli
