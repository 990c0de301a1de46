"""How the HTML report looks: neutral on light and dark screens, black on white on paper."""

REPORT_STYLE = """
:root { color-scheme: light dark; --ink: #1d2226; --soft: #5a646c; --line: #d4d9dd; --paper: #ffffff; --pale: #f3f5f6;
  --care: #fff4d6; --care-line: #d9a400; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9eb; --soft: #a3adb5; --line: #3c444b; --paper: #1b1f22;
  --pale: #24292d; --care: #3a3015; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: end; gap: .3rem 2rem;
  border-bottom: 2px solid var(--ink); padding-bottom: .6rem; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .5rem; }
header p, figcaption, .soft { color: var(--soft); margin: 0; } .soft { font-size: .88rem; }
.notice { border-left: 4px solid var(--soft); background: var(--pale); padding: .5rem .8rem; margin: .8rem 0; }
.care { border-left-color: var(--care-line); background: var(--care); }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.4rem, 1fr)); gap: .6rem 1rem;
  margin: 1rem 0; }
dl.facts dt { color: var(--soft); font-size: .88rem; } dl.facts dd { margin: 0; font-size: 1.25rem; font-weight: 600; }
.pictures { display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem; margin: .3rem 0 1rem; }
figure { margin: 0; break-inside: avoid; } figcaption { font-size: .82rem; padding-top: .15rem; }
.frame { position: relative; background: #000; line-height: 0; } .frame img { width: 100%; height: auto; }
.frame svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.frame b { position: absolute; color: #fff; font: 600 .8rem/1 system-ui, sans-serif; text-shadow: 0 0 3px #000; }
.frame .left { left: .4rem; top: calc(50% - .4rem); } .frame .right { right: .4rem; top: calc(50% - .4rem); }
.frame .top { top: .4rem; left: calc(50% - .25rem); }
.frame .bar { position: absolute; left: .6rem; bottom: .6rem; height: 2px; background: #fff; }
.frame .bar i { position: absolute; bottom: 5px; left: 0; color: #fff; white-space: nowrap;
  font: .72rem/1 system-ui, sans-serif; text-shadow: 0 0 3px #000; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; padding: 0; margin: .2rem 0; list-style: none; }
.legend span { display: inline-block; width: .85rem; height: .85rem; margin-right: .4rem; border-radius: 2px;
  vertical-align: -.08rem; border: 1px solid #0006; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin: .3rem 0; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
thead th { color: var(--soft); font-weight: 600; font-size: .88rem; }
td, .facts dd { font-variant-numeric: tabular-nums; } .words td, .words th { text-align: left; vertical-align: top; }
.words th { width: 13rem; font-weight: 500; color: var(--soft); } .words td { overflow-wrap: anywhere; }
ul { margin: .3rem 0; padding-left: 1.2rem; } footer { margin-top: 2rem; border-top: 1px solid var(--line); }
footer p { color: var(--soft); font-size: .85rem; }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --pale: #f3f3f3;
  --care: #fff4d6; } @page { size: A4; margin: 12mm; }
  body { padding: 0; max-width: none; font-size: 10.5pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  h2 { break-after: avoid; } tr, .notice, .wide { break-inside: avoid; } .pictures { gap: .25rem; }
  dl.facts { grid-template-columns: repeat(6, auto); } dl.facts dd { font-size: 1.1rem; }
  .words { font-size: 8.5pt; } .words th, .words td { padding: .12rem .5rem; } }
"""
