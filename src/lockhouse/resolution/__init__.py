"""From a manifest to exact wheels: routes, the resolver, the dependency graph, the stages."""
