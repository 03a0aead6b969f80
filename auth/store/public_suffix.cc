#include "auth/store/public_suffix.h"

#include <libpsl.h>

#include <memory>

namespace sluice::auth {
namespace {

bool is_suffix(const std::string& domain, int kinds) {
  struct Free {
    void operator()(psl_ctx_t* list) const { psl_free(list); }
  };
  const std::unique_ptr<psl_ctx_t, Free> list(psl_latest(nullptr));
  // Without the rule for names that are in no list, by which each last label is one.
  return list != nullptr && psl_is_public_suffix2(list.get(), domain.c_str(), kinds | PSL_TYPE_NO_STAR_RULE) != 0;
}

}  // namespace

bool is_public_suffix(const std::string& domain) { return is_suffix(domain, PSL_TYPE_ANY); }

bool is_registry_suffix(const std::string& domain) { return is_suffix(domain, PSL_TYPE_ICANN); }

}  // namespace sluice::auth
