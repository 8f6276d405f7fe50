"""The web module: requests and rendered pages (spec/manager-modules.md 4).

`web.lua` has the policy, `module` puts a script between an executor and the functions that it may call. A page is
rendered by `render` in a headless browser (`browser`, over `cdp`) whose every connection goes through `proxy`, or by
the deployed webdriver service (`webdriver`).
"""
