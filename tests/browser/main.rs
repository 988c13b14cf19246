//! A person does the sale in a browser: Chromium, the sandbox's checkout page, the service's return
//! pages, and nothing in between but HTTP.

mod chromium;
mod sale;

use fantoccini::Locator;
use fantoccini::actions::{InputSource, MouseActions, PointerAction};
use serde_json::{Value, json};

use chromium::Browser;
use sale::{DECLINED_CARD, GOOD_CARD, Sale, press_enter, type_card, watch_it_become_ready};

#[tokio::test(flavor = "multi_thread")]
async fn somebody_pays_with_the_keyboard_and_reads_that_all_is_ready() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let sale = Sale::begin().await;
    browser.go(&sale.url).await;
    browser.see("$1,200.00 due today").await;
    type_card(&browser, GOOD_CARD).await;
    press_enter(&browser).await;
    watch_it_become_ready(&browser).await;
    assert_eq!(sale.state().await, "fulfilled");

    browser.go(&sale.url).await;
    browser.see("This checkout is complete").await;
    browser.click("Continue").await;
    browser.see("everything is ready").await;
    sale.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_is_said_aloud_and_another_one_pays() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let sale = Sale::begin().await;
    browser.go(&sale.url).await;
    type_card(&browser, DECLINED_CARD).await;
    press_enter(&browser).await;
    browser.see("Your card was declined.").await;
    let alert = browser.window.find(Locator::Css("[role=alert]")).await;
    let said = alert.unwrap().text().await.unwrap();
    assert!(said.starts_with("Your card was declined."), "{said}");
    assert_eq!(browser.focused_label().await, "Card number");
    assert_eq!(sale.state().await, "created");

    type_card(&browser, GOOD_CARD).await;
    press_enter(&browser).await;
    watch_it_become_ready(&browser).await;
    assert_eq!(sale.state().await, "fulfilled");
    assert_eq!(sale.count_at_stripe("subscriptions").await, 1);
    sale.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_tab_loses_nothing_and_the_page_can_be_paid_later() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let sale = Sale::begin().await;
    let window = &browser.window;
    let first = window.window().await.unwrap();
    let tab = window.new_window(true).await.unwrap().handle;
    window.switch_to_window(tab).await.unwrap();
    browser.go(&sale.url).await;
    browser.click("Card number").await;
    browser.press("4242 4242").await;
    window.close_window().await.unwrap();
    window.switch_to_window(first).await.unwrap();
    assert_eq!(sale.state().await, "created");
    assert_eq!(sale.count_at_stripe("charges").await, 0);

    browser.go(&sale.url).await;
    type_card(&browser, GOOD_CARD).await;
    press_enter(&browser).await;
    watch_it_become_ready(&browser).await;
    assert_eq!(sale.state().await, "fulfilled");
    sale.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tab_closed_right_after_paying_loses_nothing_either() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let sale = Sale::begin().await;
    // The service's return page never loads: only the webhook says that the money is there.
    let blocked = json!({ "urls": [format!("{}/*", sale.service_url())] });
    browser.devtools("Network.enable", json!({})).await;
    browser.devtools("Network.setBlockedURLs", blocked).await;
    browser.go(&sale.url).await;
    type_card(&browser, GOOD_CARD).await;
    press_enter(&browser).await;
    sale.becomes_fulfilled().await;
    assert_eq!(sale.count_at_stripe("charges").await, 1);
    sale.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_back_reads_that_nothing_was_charged_and_can_return() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let sale = Sale::begin().await;
    browser.go(&sale.url).await;
    browser.click("Back").await;
    let left = browser.see("Nothing was charged").await;
    assert_eq!(browser.path().await, "/checkout/cancel");
    assert!(left.contains("back button"), "{left}");
    assert_eq!(sale.state().await, "created");

    browser.window.back().await.unwrap();
    type_card(&browser, GOOD_CARD).await;
    press_enter(&browser).await;
    watch_it_become_ready(&browser).await;
    sale.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_and_a_second_tab_pay_once() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let sale = Sale::begin().await;
    let window = &browser.window;
    let first = window.window().await.unwrap();
    browser.go(&sale.url).await;
    type_card(&browser, GOOD_CARD).await;
    let tab = window.new_window(true).await.unwrap().handle;
    window.switch_to_window(tab.clone()).await.unwrap();
    browser.go(&sale.url).await;
    type_card(&browser, GOOD_CARD).await;

    window.switch_to_window(first).await.unwrap();
    double_click_on_the_button(&browser).await;
    watch_it_become_ready(&browser).await;
    window.switch_to_window(tab).await.unwrap();
    press_enter(&browser).await;
    watch_it_become_ready(&browser).await;

    for list in ["charges", "subscriptions", "invoices", "payment_intents"] {
        assert_eq!(sale.count_at_stripe(list).await, 1, "{list}");
    }
    assert_eq!(sale.state().await, "fulfilled");
    sale.end().await;
}

async fn double_click_on_the_button(browser: &Browser) {
    let button = browser.window.find(Locator::Css("button")).await;
    let press = PointerAction::Down { button: 0 };
    let release = PointerAction::Up { button: 0 };
    let mouse = MouseActions::new("mouse".to_owned())
        .then(PointerAction::MoveToElement {
            element: button.expect("the page has a button"),
            duration: None,
            x: 0.0,
            y: 0.0,
        })
        .then(press.clone())
        .then(release.clone())
        .then(press)
        .then(release);
    let clicked = browser.window.perform_actions(mouse).await;
    clicked.expect("the mouse clicks");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_sale_works_without_scripts() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let sale = Sale::begin().await;
    let off = json!({ "value": true });
    browser
        .devtools("Emulation.setScriptExecutionDisabled", off)
        .await;
    browser
        .go("data:text/html,<title>off</title><script>document.title='on'</script>")
        .await;
    assert_eq!(browser.window.title().await.unwrap(), "off");

    browser.go(&sale.url).await;
    type_card(&browser, DECLINED_CARD).await;
    press_enter(&browser).await;
    browser.see("Your card was declined.").await;
    type_card(&browser, GOOD_CARD).await;
    browser.click("Pay $1,200.00").await;
    watch_it_become_ready(&browser).await;
    assert_eq!(sale.state().await, "fulfilled");
    sale.end().await;
}

/// What every page owes to everybody, as a list of what it lacks.
const LACKS: &str = "
    const lacks = [];
    const need = (is, what) => { if (!is) lacks.push(what); };
    need(document.documentElement.lang === 'en', 'lang');
    need(document.title.length > 0, 'title');
    need(document.querySelector('meta[name=viewport]'), 'viewport');
    need(document.querySelectorAll('h1').length === 1, 'one h1');
    need(document.querySelectorAll('main').length === 1, 'one main');
    const isForDevelopers = location.pathname === '/';
    need(isForDevelopers || !document.querySelector('script'), 'no script');
    for (const input of document.querySelectorAll('input:not([type=checkbox])')) {
        need(input.labels.length === 1 && input.labels[0].offsetHeight > 0, 'label of ' + input.name);
        need(input.autocomplete, 'autocomplete of ' + input.name);
    }
    const root = document.documentElement;
    need(root.scrollWidth <= root.clientWidth, 'fits into ' + root.clientWidth);
    for (const target of document.querySelectorAll('button, input:not([type=checkbox]), .button')) {
        need(target.offsetHeight >= 40, 'height of ' + target.name);
    }
    for (const entry of performance.getEntriesByType('resource')) {
        need(entry.name.startsWith(location.origin), 'stays home: ' + entry.name);
    }
    return lacks;";

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_labelled_self_contained_and_fits_a_small_phone() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let sale = Sale::begin().await;
    let phone = json!({ "width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": false });
    browser
        .devtools("Emulation.setDeviceMetricsOverride", phone)
        .await;

    browser.go(&sale.url).await;
    assert_lacks_nothing(&browser, "the checkout").await;
    type_card(&browser, DECLINED_CARD).await;
    press_enter(&browser).await;
    browser.see("Your card was declined.").await;
    assert_lacks_nothing(&browser, "the checkout after a declined card").await;
    type_card(&browser, GOOD_CARD).await;
    press_enter(&browser).await;
    watch_it_become_ready(&browser).await;
    assert_lacks_nothing(&browser, "the return page").await;
    browser.go(&sale.url).await;
    assert_lacks_nothing(&browser, "the complete checkout").await;
    let (sandbox, service) = (sale.sandbox_url(), sale.service_url());
    let others = [
        format!("{sandbox}/"),
        format!("{sandbox}/c/pay/cs_unknown"),
        format!("{service}/checkout/cancel"),
        format!("{service}/checkout/success?session_id=cs_unknown"),
    ];
    for url in others {
        browser.go(&url).await;
        assert_lacks_nothing(&browser, &url).await;
    }
    sale.end().await;
}

async fn assert_lacks_nothing(browser: &Browser, page: &str) {
    assert_eq!(browser.ask(LACKS).await, Value::Array(Vec::new()), "{page}");
}
