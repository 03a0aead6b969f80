#include "tools/import_postfix/import.h"

#include <string_view>

#include "tools/import_postfix/document.h"
#include "tools/import_postfix/sections.h"

namespace sluice::import_postfix {
namespace {

constexpr std::string_view kHead = R"(# A configuration of Sluice, made from one of Postfix by tools/import-postfix.
#
# Above each setting stands what it came from. What has no counterpart is listed at the end, each with the reason; what
# Postfix does not set keeps Sluice's default, see `sluice example`. Nobody who could not send by Postfix can send by this:
# where that was in doubt, it is narrower. See what it does before it runs: sluice check --config FILE
)";

}  // namespace

Imported import(const Sources& sources) {
  const Postfix postfix{
      .main_cf = parse_main_cf(sources.main_cf), .master_cf = parse_master_cf(sources.master_cf), .sources = &sources};
  Imported imported;
  Document document;
  write_server(postfix, document);
  write_tls(postfix, document);
  write_logins(postfix, document);
  write_numbers(postfix, document);
  write_listeners(postfix, document);
  write_routes(postfix, document, imported.secrets);
  write_rest(postfix, document);
  imported.decisions = document.decisions();
  imported.toml = kHead;
  if (!imported.decisions.empty()) imported.toml += "#\n# To decide and to do, each again beside its setting:\n";
  for (const std::string& decision : imported.decisions) imported.toml += comment("- " + decision);
  imported.toml += document.body();
  return imported;
}

}  // namespace sluice::import_postfix
