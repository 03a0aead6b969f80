#include "engine/cli/domain_import.h"

#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "auth/store/store_values.h"
#include "engine/cli/domain_work.h"
#include "engine/domain_keys/opendkim_tables.h"
#include "engine/io/files.h"
#include "engine/signing/key_directory.h"
#include "engine/signing/pem.h"
#include "engine/smtp/base64.h"
#include "engine/text/table_text.h"

namespace sluice::cli {
namespace {

constexpr std::size_t kKeyFileBytesMax = std::size_t{64} * 1024;
constexpr std::size_t kTableBytesMax = std::size_t{64} * 1024 * 1024;

struct FoundKey {
  std::string from;  // where it was found, for messages
  std::string domain;
  std::string selector;
  dkim::KeyDer der;
};

// What is found, and a line for each key that is not.
struct FoundKeys {
  std::vector<FoundKey> keys;
  std::vector<std::string> refusals;
};

// Files of OpenDKIM's belong to it, and need not be the caller's.
std::expected<dkim::KeyDer, std::string> read_key(const std::string& file) {
  auto text = io::read_file(file, kKeyFileBytesMax);
  if (!text) return std::unexpected(text.error());
  auto der = signing::key_of_pem(*text);
  smtp::wipe(*text);
  if (!der) return std::unexpected(file + ": " + der.error());
  return der;
}

auth::StoreResult<FoundKeys> of_tables(const AccountRequest& request) {
  const auto key_table = io::read_file(request.key_table, kTableBytesMax);
  if (!key_table) return key_refusal(key_table.error());
  const auto signing_table = io::read_file(request.signing_table, kTableBytesMax);
  if (!signing_table) return key_refusal(signing_table.error());
  const auto tables = domain_keys::read_opendkim_tables(*key_table, *signing_table);
  FoundKeys found;
  for (const auto& refusal : tables.refusals)
    found.refusals.push_back((refusal.table == "KeyTable" ? request.key_table : request.signing_table) + ":" +
                             std::to_string(refusal.line) + ": " + refusal.why);
  for (const auto& key : tables.keys) {
    const std::string from = request.key_table + ":" + std::to_string(key.line);
    auto der = read_key(key.file);
    if (der) {
      found.keys.push_back({.from = from, .domain = key.domain, .selector = key.selector, .der = *std::move(der)});
    } else {
      found.refusals.push_back(from + ": " + der.error());
    }
  }
  return found;
}

FoundKeys of_directory(const std::string& directory) {
  FoundKeys found;
  signing::KeyDirectory source(directory);
  for (const std::string& name : io::list_directories(directory)) {
    const std::string from = directory + "/" + name;
    auto keys = source.keys_of(name);
    if (!keys) found.refusals.push_back(keys.error());
    if (!keys) continue;
    for (dkim::StoredKey& key : *keys)
      found.keys.push_back({.from = from, .domain = name, .selector = key.selector, .der = std::move(key.der)});
  }
  return found;
}

// Domain and algorithm of each key that was imported, or would have been.
using Imported = std::set<std::pair<std::string, std::string>>;

// Signs at once; unless one of its algorithm does.
auth::StoreResult<> import_key(const FoundKey& found, const KeyStore& store, auth::SigningKeyAdmin& admin, bool dry_run,
                               Imported& imported, const AccountCommandWorld& world) {
  // As the store has it, which the seal is bound to.
  const auto domain = auth::stored_domain_entry(found.domain);
  if (!domain) return std::unexpected(domain.error());
  auto key =
      domain_keys::key_for_store(*domain, found.selector, found.der, auth::KeyState::active, store.storage(world));
  if (!key) return key_refusal(key.error());
  const auto of = std::pair(*domain, key->record.algorithm);
  if (imported.contains(of)) return key_refusal("another key for " + of.second + " was taken before");
  const auto decide = [&](domain_keys::Keys keys) -> auth::StoreResult<auth::KeyChanges> {
    const auto same = std::ranges::find_if(keys, [&key](const auth::SigningKeyRecord& each) {
      return each.state == auth::KeyState::active && each.algorithm == key->record.algorithm;
    });
    if (same != keys.end())
      return key_refusal("domain " + *domain + " has a key for " + same->algorithm + ", " + same->selector);
    auth::KeyChanges changes;
    changes.keys.push_back(*std::move(key));
    return changes;
  };
  auth::StoreResult<> done;
  if (dry_run) {
    const auto keys = admin.keys_of(*domain);
    done = keys ? auth::without_value(decide(*keys)) : auth::without_value(keys);
  } else {
    done = admin.change(*domain, decide);
  }
  if (done) imported.insert(of);
  return done;
}

}  // namespace

auth::StoreResult<> import_domain_keys(const AccountRequest& request, const AccountCommandWorld& world) {
  auto found = request.has(kOptionPem) ? auth::StoreResult<FoundKeys>(of_directory(request.pem)) : of_tables(request);
  if (!found) return std::unexpected(found.error());
  const auto store = enter_key_store(world);
  if (!store) return std::unexpected(store.error());
  if (auto takes = check_takes_keys(*store); !takes) return takes;
  const auto admin = auth::SigningKeyAdmin::open(store->address);
  if (!admin) return std::unexpected(admin.error());
  const bool dry_run = request.has(kOptionDryRun);
  Imported imported;
  for (const FoundKey& key : found->keys) {
    const auto done = import_key(key, *store, **admin, dry_run, imported, world);
    if (!done) found->refusals.push_back(key.from + ": key " + key.selector + ": " + done.error().what);
  }
  for (const std::string& refusal : found->refusals) world.err << "sluicectl: " << text::printable(refusal) << "\n";
  world.out << imported.size() << " keys " << (dry_run ? "would be imported" : "imported") << "\n";
  if (found->refusals.empty()) return {};
  return key_refusal(std::to_string(found->refusals.size()) + " of the keys were not taken, for the reasons above");
}

}  // namespace sluice::cli
